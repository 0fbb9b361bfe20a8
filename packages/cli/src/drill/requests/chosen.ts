import { parse as parseYaml } from 'yaml';
import { systemMessage, usageError } from '../../errors.ts';
import { DRILL_DEFAULTS } from '../command-options.ts';
import { requestsInHar } from './har.ts';
import { requestsInOpenApi } from './openapi.ts';
import { type DrillRequest, parseRequestLine } from './request-line.ts';

interface DocumentKind {
  readonly parse: (text: string) => unknown;
  readonly requestsIn: (file: string, document: unknown) => DrillRequest[];
  /** What to say of one without a request. */
  readonly empty: string;
}

const DOCUMENTS: Readonly<Record<'har' | 'openapi', DocumentKind>> = {
  har: {
    parse: (text) => JSON.parse(text),
    requestsIn: requestsInHar,
    empty: 'no request in it was answered with 2xx',
  },
  openapi: { parse: (text) => parseYaml(text), requestsIn: requestsInOpenApi, empty: 'no operation is in it' },
};

/**
 * The requests of a document, GET and HEAD alone unless all methods are wanted.
 *
 * @throws CliError for what is no such document, and for one of which nothing is left.
 */
export function requestsInDocument(
  option: 'har' | 'openapi',
  file: string,
  text: string,
  allMethods: boolean,
): DrillRequest[] {
  const { parse, requestsIn, empty } = DOCUMENTS[option];
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    const [problem] = systemMessage(cause).split('\n', 1);
    throw usageError(`--${option} ${file}: ${problem}`);
  }
  const found = requestsIn(file, document);
  if (found.length === 0) throw usageError(`--${option} ${file}: ${empty}`);
  const chosen = allMethods ? found : found.filter(({ method }) => method === 'GET' || method === 'HEAD');
  if (chosen.length > 0) return chosen;
  throw usageError(`--${option} ${file}: it has no GET or HEAD`, '--all-methods sends the others, too');
}

/**
 * What is sent: the requests that `lines` ask for, and those that were found in documents; `GET /` where there is neither.
 *
 * @throws CliError for a line that is no request.
 */
export function chosenRequests(lines: readonly string[], found: readonly DrillRequest[]): DrillRequest[] {
  const asked = lines.map((line) => {
    const request = parseRequestLine(line);
    if (request !== undefined) return request;
    throw usageError(`--request "${line}" is no request`, "'GET /slow', '3x GET /', 'POST /orders {\"lines\":[]}'");
  });
  const chosen = [...asked, ...found];
  const usual = parseRequestLine(DRILL_DEFAULTS.request);
  return chosen.length > 0 || usual === undefined ? chosen : [usual];
}
