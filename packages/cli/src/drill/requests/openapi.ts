import { usageError } from '../../errors.ts';
import { isRecord, textIn } from './json.ts';
import { type DrillRequest, encoded, METHODS } from './request-line.ts';

/**
 * One request for each operation of an OpenAPI 3 or Swagger 2 document, with the examples, defaults and first choices of
 * its required parameters, and something of the right type where it has none.
 *
 * @throws CliError `ERR_PRESTOP_CLI_USAGE` for what is no such document.
 */
export function requestsInOpenApi(file: string, document: unknown): DrillRequest[] {
  const root = isRecord(document) ? document : {};
  const paths = root['paths'];
  if (!isRecord(paths) || (root['openapi'] === undefined && root['swagger'] === undefined)) {
    throw usageError(`--openapi ${file}: no OpenAPI document, it has no version or no paths`);
  }
  const base = basePathOf(root);
  const requests: DrillRequest[] = [];
  for (const [template, entry] of Object.entries(paths)) {
    const item = resolve(root, entry);
    if (!isRecord(item) || !template.startsWith('/')) continue;
    for (const method of METHODS) {
      const operation = resolve(root, item[method.toLowerCase()]);
      if (isRecord(operation)) requests.push(requestFor(root, method, `${base}${template}`, item, operation));
    }
  }
  return requests;
}

function requestFor(
  root: Record<string, unknown>,
  method: string,
  template: string,
  item: Record<string, unknown>,
  operation: Record<string, unknown>,
): DrillRequest {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let path = template;
  for (const parameter of [...listIn(item, 'parameters'), ...listIn(operation, 'parameters')]) {
    const given = resolve(root, parameter);
    if (!isRecord(given)) continue;
    const name = textIn(given, 'name');
    const value = exampleOf(root, given);
    if (given['in'] === 'path') path = path.replaceAll(`{${name}}`, encodeURIComponent(value));
    else if (given['required'] === true && given['in'] === 'query') query.set(name, value);
    else if (given['required'] === true && given['in'] === 'header') headers[name.toLowerCase()] = value;
  }
  // A parameter that nobody describes is still a part of the path.
  path = path.replaceAll(/\{[^}]*\}/g, '1');
  const body = bodyOf(root, operation);
  return {
    method,
    path: encoded(query.size === 0 ? path : `${path}?${query.toString()}`),
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
    weight: 1,
    origin: 'found',
  };
}

function bodyOf(root: Record<string, unknown>, operation: Record<string, unknown>): string | undefined {
  const requestBody = resolve(root, operation['requestBody']);
  const content = isRecord(requestBody) ? requestBody['content'] : undefined;
  const json = isRecord(content) ? resolve(root, content['application/json']) : undefined;
  if (!isRecord(json)) return undefined;
  return JSON.stringify(valueFor(root, json));
}

function exampleOf(root: Record<string, unknown>, parameter: Record<string, unknown>): string {
  const value = valueFor(root, parameter);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const DEEPEST = 20;

/** What a parameter, a media type or a schema stands for: its example, its default, its first choice, or its type. */
function valueFor(root: Record<string, unknown>, described: Record<string, unknown>, depth = 0): unknown {
  if (described['example'] !== undefined) return described['example'];
  const examples = described['examples'];
  const [example] = Array.isArray(examples) ? examples : isRecord(examples) ? Object.values(examples) : [];
  if (example !== undefined) return isRecord(example) && 'value' in example ? example['value'] : example;
  const schema = resolve(root, described['schema']);
  if (isRecord(schema) && depth < DEEPEST) return valueFor(root, schema, depth + 1);
  if (described['default'] !== undefined) return described['default'];
  const [choice] = listIn(described, 'enum');
  if (choice !== undefined) return choice;
  if (described['const'] !== undefined) return described['const'];
  if (depth >= DEEPEST) return 'a';
  return combined(root, described, depth) ?? madeUp(root, described, depth);
}

/** `allOf` together, of `oneOf` and `anyOf` the first. */
function combined(root: Record<string, unknown>, schema: Record<string, unknown>, depth: number): unknown {
  const schemas = (name: string) =>
    listIn(schema, name)
      .map((each) => resolve(root, each))
      .filter(isRecord);
  const parts = schemas('allOf');
  if (parts.length > 0) {
    const { allOf: _, ...own } = schema;
    const values = [...parts, own].map((part) => valueFor(root, part, depth + 1));
    return values.some(isRecord) ? Object.assign({}, ...values.filter(isRecord)) : values[0];
  }
  const [choice] = [...schemas('oneOf'), ...schemas('anyOf')];
  return choice === undefined ? undefined : valueFor(root, choice, depth + 1);
}

/** What a string of a format may be. */
const FORMATS: Readonly<Record<string, string>> = {
  uuid: '00000000-0000-4000-8000-000000000000',
  date: '2025-01-01',
  'date-time': '2025-01-01T00:00:00Z',
  email: 'a@example.com',
  uri: 'https://example.com/',
};

function madeUp(root: Record<string, unknown>, schema: Record<string, unknown>, depth: number): unknown {
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object': {
      const properties = isRecord(schema['properties']) ? schema['properties'] : {};
      const required = listIn(schema, 'required').map(String);
      const entries = required.map((name) => {
        const property = resolve(root, properties[name]);
        return [name, isRecord(property) && depth < DEEPEST ? valueFor(root, property, depth + 1) : 'a'];
      });
      return Object.fromEntries(entries);
    }
    default:
      return FORMATS[textIn(schema, 'format')] ?? 'a';
  }
}

/** Follows `$ref` within the document (RFC 6901). */
function resolve(root: Record<string, unknown>, value: unknown, hops = 0): unknown {
  if (!isRecord(value) || typeof value['$ref'] !== 'string' || hops > DEEPEST) return value;
  let target: unknown = root;
  for (const part of value['$ref'].replace(/^#\/?/, '').split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    target = isRecord(target) ? target[name] : undefined;
  }
  return resolve(root, target, hops + 1);
}

/** `servers[0].url` of OpenAPI 3 with the defaults of its variables, `basePath` of Swagger 2, without its end slash. */
function basePathOf(root: Record<string, unknown>): string {
  const [server] = listIn(root, 'servers');
  const variables = isRecord(server) && isRecord(server['variables']) ? server['variables'] : {};
  const defaultOf = (name: string): string => {
    const variable = variables[name];
    return isRecord(variable) ? textIn(variable, 'default') : name;
  };
  const url = isRecord(server)
    ? textIn(server, 'url').replaceAll(/\{([^}]*)\}/g, (_, name) => defaultOf(name))
    : textIn(root, 'basePath');
  const path = URL.canParse(url, 'http://localhost') ? new URL(url, 'http://localhost').pathname : '';
  return path.replace(/\/+$/, '');
}

function listIn(object: Record<string, unknown>, name: string): readonly unknown[] {
  const value = object[name];
  return Array.isArray(value) ? value : [];
}
