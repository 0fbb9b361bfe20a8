import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import { checkOptions, invalidOption, type OptionRule, type OptionRules } from './option-rules.ts';

/** A response that is a stream of server-sent events, of HTTP/1 or HTTP/2. */
export type EventStreamResponse = ServerResponse | Http2ServerResponse | ServerHttp2Stream;

export interface EventStreamEndOptions {
  /**
   * When the client is to connect again, in milliseconds: the same for all, or a random time from the first to the second,
   * so that they do not all come back at once. Default: not said; browsers then take a few seconds of their own choice.
   */
  readonly retryMs?: number | readonly [from: number, to: number];
  /** End it when this aborts, and not now: the `drain` signal of the request. Default: now. */
  readonly signal?: AbortSignal;
}

const HOUR_MS = 3_600_000;

function isDelay(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= HOUR_MS;
}

const retry: OptionRule = {
  rule: `a whole number of milliseconds from 0 to ${HOUR_MS}, or two in ascending order`,
  holds: (value) =>
    isDelay(value) || (Array.isArray(value) && value.length === 2 && value.every(isDelay) && value[0] <= value[1]),
};

const RULES: OptionRules<EventStreamEndOptions> = {
  retryMs: retry,
  signal: { rule: 'an AbortSignal', holds: (value) => value instanceof AbortSignal },
};

/**
 * Ends a stream of server-sent events so that its client comes back, elsewhere and not at once: with a `retry` field
 * (HTML, section 9.2.6) and the end of the response, after which an `EventSource` connects again by itself. An event of
 * which only a part was written is dropped by the client, as the format has it.
 *
 * ```ts
 * endEventStream(response, { retryMs: [500, 5_000], signal: lifecycle.requestSignals(request).drain });
 * ```
 *
 * Events that are still written afterwards are dropped without an error; stop writing them when the response closes. It
 * does not keep a client from coming back to this very instance: that is up to whoever routes it.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`
 */
export function endEventStream(response: EventStreamResponse, options: EventStreamEndOptions = {}): void {
  checkOptions<EventStreamEndOptions>('endEventStream', options, RULES);
  if (typeof response?.end !== 'function') {
    throw invalidOption('endEventStream', 'response', 'a response of node:http or node:http2, or a stream', response);
  }
  const { retryMs, signal } = options;
  if (signal === undefined || signal.aborted) {
    end(response, retryMs);
    return;
  }
  // Its close has been.
  if (response.destroyed) return;
  const onAbort = (): void => end(response, retryMs);
  signal.addEventListener('abort', onAbort, { once: true });
  response.once('close', () => signal.removeEventListener('abort', onAbort));
}

function end(response: EventStreamResponse, retryMs: EventStreamEndOptions['retryMs']): void {
  if (response.writableEnded || response.destroyed) return;
  if (retryMs === undefined) response.end();
  // A comment ends a line that the handler has only begun. No blank line: it would complete an event of which there is
  // only a part.
  else response.end(`:\nretry: ${delayOf(retryMs)}\n`);
  // A timer that has not heard of it yet would cause an error that ends the process.
  Object.assign(response, { write: dropping(true), end: dropping(response) });
}

/** Takes what is written, and calls back as if it had been. */
function dropping<Result>(result: Result): (...given: unknown[]) => Result {
  return (...given) => {
    const done = given.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return result;
  };
}

function delayOf(retryMs: number | readonly [from: number, to: number]): number {
  if (typeof retryMs === 'number') return retryMs;
  const [from, to] = retryMs;
  return from + Math.floor(Math.random() * (to - from + 1));
}
