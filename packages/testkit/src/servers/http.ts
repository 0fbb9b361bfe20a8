import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpOptions {
  /** Default: GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For https: what to trust and what to show. */
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
}

const TIMEOUT_MS = 5_000;

/** One request on a connection of its own, ended after five seconds. `fetch` would do, could it trust a test's own CA. */
export function http(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body, tls = {} } = options;
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(TIMEOUT_MS), ...tls });
    outgoing.once('error', reject);
    outgoing.once('response', (response: IncomingMessage) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    outgoing.end(body);
  });
}

/**
 * The body of an answer that must be a success.
 *
 * @throws Error that names the call, the status and the server's words.
 */
export async function expectOk(url: string, options: HttpOptions = {}): Promise<string> {
  const { status, body } = await http(url, options);
  if (status >= 200 && status < 300) return body;
  throw new Error(`${options.method ?? 'GET'} ${new URL(url).pathname} answered ${status}: ${body.trim()}`);
}
