import { parse as parseYaml } from 'yaml';
import { systemMessage, usageError } from '../../errors.ts';
import { DRILL_DEFAULTS } from '../command-options.ts';
import { requestsInHar } from './har.ts';
import { requestsInOpenApi } from './openapi.ts';
import { type DrillRequest, parseRequestLine } from './request-line.ts';

interface DocumentKind {
  readonly parse: (text: string) => unknown;
  readonly requestsIn: (file: string, document: unknown) => DrillRequest[];
}

const DOCUMENTS: Readonly<Record<'har' | 'openapi', DocumentKind>> = {
  har: { parse: (text) => JSON.parse(text), requestsIn: requestsInHar },
  openapi: { parse: (text) => parseYaml(text), requestsIn: requestsInOpenApi },
};

/** The requests of a document. @throws CliError for what is none. */
export function requestsInDocument(option: 'har' | 'openapi', file: string, text: string): DrillRequest[] {
  const { parse, requestsIn } = DOCUMENTS[option];
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    const [problem] = systemMessage(cause).split('\n', 1);
    throw usageError(`--${option} ${file}: ${problem}`);
  }
  return requestsIn(file, document);
}

/**
 * What is sent: the requests that `lines` ask for, and those that were found in documents, GET and HEAD alone unless all
 * methods are wanted; `GET /` where there is neither.
 *
 * @throws CliError for a line that is no request, and for documents of which nothing is left.
 */
export function chosenRequests(
  lines: readonly string[],
  found: readonly DrillRequest[],
  allMethods: boolean,
): DrillRequest[] {
  const asked = lines.map((line) => {
    const request = parseRequestLine(line);
    if (request !== undefined) return request;
    throw usageError(`--request "${line}" is no request`, "'GET /slow', '3x GET /', 'POST /orders {\"lines\":[]}'");
  });
  const safe = found.filter(({ method }) => method === 'GET' || method === 'HEAD');
  const chosen = [...asked, ...(allMethods ? found : safe)];
  if (chosen.length > 0) return chosen;
  if (found.length > 0) throw usageError('the document has no GET or HEAD', '--all-methods sends the others, too');
  const usual = parseRequestLine(DRILL_DEFAULTS.request);
  return usual === undefined ? [] : [usual];
}
