import { usageError } from '../../errors.ts';
import { isRecord, textIn } from './json.ts';
import { type DrillRequest, METHODS } from './request-line.ts';

/** Headers that shape the answer. Cookies and credentials of a recording are nobody's business; `--header` gives them. */
const KEPT_HEADERS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type']);

/**
 * The requests of a recording (HAR 1.2), each once, weighted by how often it occurs: those to the host that occurs most,
 * that were answered with 2xx, or with 304 from a browser's own copy, and have no fragment of another service in them.
 * http://www.softwareishard.com/blog/har-12-spec/
 *
 * @throws CliError `ERR_PRESTOP_CLI_USAGE` for what is no HAR file.
 */
export function requestsInHar(file: string, document: unknown): DrillRequest[] {
  const log = isRecord(document) ? document['log'] : undefined;
  const entries = isRecord(log) ? log['entries'] : undefined;
  if (!Array.isArray(entries)) throw usageError(`--har ${file}: no HAR file, it has no log.entries`);
  const recorded = entries.map(readEntry).filter((entry) => entry !== undefined);
  const host = mostFrequent(recorded.map((entry) => entry.host));
  const byTitle = new Map<string, DrillRequest>();
  for (const { request, host: at } of recorded) {
    if (at !== host) continue;
    const key = `${request.method} ${request.path} ${request.body ?? ''}`;
    const weight = (byTitle.get(key)?.weight ?? 0) + 1;
    byTitle.set(key, { ...request, weight });
  }
  return [...byTitle.values()];
}

function readEntry(entry: unknown): { readonly host: string; readonly request: DrillRequest } | undefined {
  const request = isRecord(entry) ? entry['request'] : undefined;
  const response = isRecord(entry) ? entry['response'] : undefined;
  if (!isRecord(request) || !isRecord(response)) return undefined;
  const status = Number(response['status']);
  const method = METHODS.find((each) => each === textIn(request, 'method').toUpperCase());
  const url = textIn(request, 'url');
  if (method === undefined || !((status >= 200 && status < 300) || status === 304) || !URL.canParse(url))
    return undefined;
  const { host, pathname, search, protocol } = new URL(url);
  if (!/^https?:$/.test(protocol)) return undefined;
  const postData = request['postData'];
  const body = isRecord(postData) && typeof postData['text'] === 'string' ? postData['text'] : undefined;
  return {
    host,
    request: {
      method,
      path: `${pathname}${search}`,
      headers: headersOf(request['headers']),
      ...(body === undefined ? {} : { body }),
      weight: 1,
      origin: 'found',
    },
  };
}

function headersOf(list: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const header of Array.isArray(list) ? list : []) {
    if (!isRecord(header)) continue;
    const name = textIn(header, 'name').toLowerCase();
    if (KEPT_HEADERS.has(name)) headers[name] = textIn(header, 'value');
  }
  return headers;
}

function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, left], [, right]) => right - left)[0]?.[0];
}
