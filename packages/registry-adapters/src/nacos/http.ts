import { Agent, request } from 'undici';
import { aborted } from '../abort.ts';
import type { Answer, Failures } from './failures.ts';

/** Parameters of a query or a form; `undefined` is left out. */
export type Params = Readonly<Record<string, string | undefined>>;

export interface HttpRequest {
  /** What the request is for, in the words of an error: `register`. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Without the origin and the query. */
  readonly path: string;
  readonly query?: Params;
  /** Sent as the body. */
  readonly form?: Params;
  readonly headers?: Readonly<Record<string, string>>;
}

const FORM_TYPE = 'application/x-www-form-urlencoded;charset=UTF-8';

/**
 * Requests on sockets of our own: every one has a timeout and hears its signal, nothing is retried or redirected, and
 * `close()` leaves nothing open.
 */
export class Http {
  readonly #agent: Agent;
  readonly #failures: Failures;
  readonly #timeoutMs: number;

  constructor(failures: Failures, timeoutMs: number) {
    this.#failures = failures;
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({ connect: { timeout: timeoutMs } });
  }

  /**
   * @returns the answer, whatever its status.
   * @throws RegistryError when there is none: `timeout` when time or `signal` ran out, else by the network's error.
   */
  async send(server: string, given: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { what, method, path, query = {}, form, headers = {} } = given;
    const name = this.#failures.registryName;
    if (signal.aborted) throw aborted(name, what, signal);
    const search = encode(query);
    const url = `${server}${path}${search === '' ? '' : `?${search}`}`;
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const { statusCode, body } = await request(url, {
        dispatcher: this.#agent,
        method,
        headers: { accept: 'application/json', ...(form && { 'content-type': FORM_TYPE }), ...headers },
        body: form === undefined ? null : encode(form),
        signal: AbortSignal.any([signal, timeout]),
      });
      return { server, status: statusCode, body: await body.text() };
    } catch (thrown) {
      if (signal.aborted) throw aborted(name, what, signal);
      if (timeout.aborted) throw this.#failures.timeout(what, server, this.#timeoutMs);
      throw this.#failures.network(what, server, thrown);
    }
  }

  /** Ends every request that is still running and closes all sockets. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function encode(params: Params): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new URLSearchParams(given).toString();
}
