/**
 * How a caller sends: `node` is a node:http Agent with keepAlive, `undici` an undici Client, `new-connection` opens one
 * connection a request and says `Connection: close`, `http2` keeps a session. None of them ever sends a request again, but
 * for HTTP/2 streams that the server refused unprocessed.
 */
export type ClientKind = 'node' | 'undici' | 'new-connection' | 'http2';

/** One request as a caller sends it. */
export interface CallerRequest {
  /** Default `GET`. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /**
   * Whether a complete 2xx answer is the right one; any other status is a loss whatever this says. The body is kept only
   * for a request that has this. Default: every 2xx is.
   */
  readonly validate?: (status: number, body: string) => boolean;
}

/** What became of one request: a complete answer with its status, or the cause for which there was none. */
export interface Outcome {
  /** Of the last complete head, also where the body was cut. */
  readonly status?: number;
  /** Absent unless the request asks for validation. */
  readonly body?: string;
  /** Code of the failure; absent when the answer was complete. */
  readonly cause?: string;
  /** Which request on its connection it was, from 1; 0 when there was no connection. */
  readonly requestOnConnection: number;
}

/** The connections of one caller to one target; one request at a time. */
export interface TargetClient {
  /** Never rejects. Gives up after the timeout with cause `ETIMEDOUT`. */
  send(request: CallerRequest, timeoutMs: number): Promise<Outcome>;
  close(): void;
}

/** Trust for callers that speak TLS: PEM of the certificates that are trusted, or nothing verified at all. */
export type CallerTls = { readonly ca: string } | { readonly verify: false };

/** The same in the words of `node:tls`. */
export function tlsSettings(tls: CallerTls | undefined): { readonly ca?: string; readonly rejectUnauthorized?: false } {
  if (tls === undefined) return {};
  return 'ca' in tls ? { ca: tls.ca } : { rejectUnauthorized: false };
}

/** Cause of a request that was given up. */
export const TIMED_OUT = 'ETIMEDOUT';
