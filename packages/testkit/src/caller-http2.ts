import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import {
  type CallerRequest,
  type CallerTls,
  type Outcome,
  type TargetClient,
  TIMED_OUT,
  tlsSettings,
} from './caller-client.ts';
import { causeOf } from './errors.ts';

/** Sessions for one request: a stream that was refused is sent again on another one. */
const TRIES = 3;

/**
 * node:http2 as a caller: one session that is kept until the server says GOAWAY, then a new one. A stream that the server
 * refused, because it came after a GOAWAY, was not processed, and is sent again as every client may (RFC 9113, section
 * 8.7); this is the only thing a caller ever sends twice.
 */
export function http2Client(target: URL, tls: CallerTls | undefined): TargetClient {
  let current: Session | undefined;
  let closed = false;

  const usable = (): Session => {
    if (current?.usable !== true) current = new Session(target, tls);
    return current;
  };

  return {
    async send(call, timeoutMs) {
      const untilMs = performance.now() + timeoutMs;
      for (let tries = 1; ; tries++) {
        const { refused, outcome } = await usable().send(call, untilMs - performance.now());
        if (!refused || tries === TRIES || closed) return outcome;
      }
    },
    close: () => {
      closed = true;
      current?.destroy();
    },
  };
}

interface Exchange {
  readonly outcome: Outcome;
  /** Certainly not processed. */
  readonly refused: boolean;
}

class Session {
  readonly #session: ClientHttp2Session;
  #requests = 0;
  #leaving = false;
  #connected = false;

  constructor(target: URL, tls: CallerTls | undefined) {
    const session = connect(target, tlsSettings(tls));
    this.#session = session;
    session.once('connect', () => {
      this.#connected = true;
    });
    // A session that fails fails its streams, and they say so.
    session.on('error', () => undefined);
    session.on('goaway', () => {
      this.#leaving = true;
    });
  }

  get usable(): boolean {
    return !this.#leaving && !this.#session.closed && !this.#session.destroyed;
  }

  send(call: CallerRequest, timeoutMs: number): Promise<Exchange> {
    const { path, method = 'GET', headers, body } = call;
    const number = ++this.#requests;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(
        { ':method': method, ':path': path, ...headers },
        { endStream: body === undefined },
      );
    } catch (failure) {
      // Its GOAWAY came in this very turn: nothing was sent.
      return Promise.resolve({ outcome: { cause: causeOf(failure), requestOnConnection: 0 }, refused: true });
    }
    if (body !== undefined) stream.end(body);
    return new Promise((resolve) => {
      let status: number | undefined;
      let failure: unknown;
      let ended = false;
      const chunks: Buffer[] = [];
      const timer = setTimeout(() => {
        failure = Object.assign(new Error(TIMED_OUT), { code: TIMED_OUT });
        stream.close(constants.NGHTTP2_CANCEL);
      }, timeoutMs);
      stream.on('response', (fields) => {
        status = fields[':status'];
      });
      stream.on('data', (chunk: Buffer) => {
        if (call.validate !== undefined) chunks.push(chunk);
      });
      stream.once('end', () => {
        ended = true;
      });
      stream.on('error', (error) => {
        failure ??= error;
      });
      stream.once('close', () => {
        clearTimeout(timer);
        const { rstCode } = stream;
        const complete =
          ended && status !== undefined && rstCode === constants.NGHTTP2_NO_ERROR && failure === undefined;
        const cause = complete ? undefined : causeOf(rootOf(failure) ?? `reset ${rstCode}`);
        resolve({
          refused: rstCode === constants.NGHTTP2_REFUSED_STREAM,
          outcome: {
            requestOnConnection: this.#connected ? number : 0,
            ...(status === undefined ? {} : { status }),
            ...(cause === undefined ? {} : { cause }),
            ...(complete && call.validate !== undefined ? { body: Buffer.concat(chunks).toString() } : {}),
          },
        });
      });
    });
  }

  destroy(): void {
    this.#session.destroy();
  }
}

/** What failed the session, where a stream was cancelled for that. */
function rootOf(failure: unknown): unknown {
  return failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure;
}
