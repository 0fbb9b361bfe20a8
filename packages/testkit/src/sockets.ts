import { connect, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { type CallerTls, tlsSettings } from './caller-client.ts';
import { TestkitError } from './errors.ts';
import { parseResponse, type RawResponse } from './raw-response.ts';
import { nowMs, within } from './timing.ts';

export interface RawSocketOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Speak TLS. Default: plain TCP. */
  readonly tls?: CallerTls;
}

export interface ReadOptions {
  /** The answer to a HEAD request, which has no body whatever its headers say. Default `false`. */
  readonly head?: boolean;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/** A connection on which a test says exactly the bytes it wants. */
export interface RawSocket {
  write(bytes: string | Uint8Array): void;
  /**
   * The next complete response, interim ones (100 Continue) included; call it once for each, in order, also for pipelined
   * requests. What has come already is kept until it is read.
   *
   * @throws TestkitError `ERR_TESTKIT_RAW_CLOSED` when the connection ended before the response was complete,
   * `ERR_TESTKIT_RAW_INVALID`, `ERR_TESTKIT_TIMEOUT`.
   */
  readResponse(options?: ReadOptions): Promise<RawResponse>;
  /** What has come and was not read as a response. */
  unread(): string;
  /** How the peer ended the connection, whichever came first; pending for as long as it has not. */
  readonly closedByPeer: Promise<'fin' | 'reset'>;
  /** Whether the connection is over, whoever ended it. */
  readonly closed: boolean;
  /** Says FIN; resolves when the connection is over. Also after it is. */
  close(): Promise<void>;
  /** Reads nothing and says nothing any more, not even to a FIN, as a machine that has gone; end it with {@link reset}. */
  ignore(): void;
  /** Breaks the connection with RST. */
  reset(): void;
}

/** @throws the socket's error when there is no connection. */
export async function openRaw(port: number, options: RawSocketOptions = {}): Promise<RawSocket> {
  const { host = '127.0.0.1', tls } = options;
  const wire = connect({ port, host });
  const socket = tls === undefined ? wire : connectSecure({ socket: wire, host, ...tlsSettings(tls) });
  wire.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve);
    socket.once('error', reject);
  });
  return new RawConnection(socket, wire);
}

class RawConnection implements RawSocket {
  readonly closedByPeer: Promise<'fin' | 'reset'>;
  readonly #socket: Socket;
  /** What the socket speaks over: TLS has one of its own beneath it, the only one that can be reset. */
  readonly #wire: Socket;
  readonly #over: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #changed: () => void = () => undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket, wire: Socket) {
    this.#socket = socket;
    this.#wire = wire;
    this.#over = new Promise((resolve) => socket.once('close', () => resolve()));
    this.closedByPeer = new Promise((resolve) => {
      socket.once('end', () => resolve('fin'));
      // EPIPE: the reset came before, and this is the first write to notice it.
      socket.on('error', () => resolve('reset'));
    });
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#changed();
    });
    const end = () => {
      this.#ended = true;
      this.#changed();
    };
    socket.on('end', end).on('close', end);
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  readResponse(options: ReadOptions = {}): Promise<RawResponse> {
    const response = this.#reading.then(() => this.#read(options));
    this.#reading = response.catch(() => undefined);
    return response;
  }

  unread(): string {
    return this.#bytes.toString('latin1');
  }

  async close(): Promise<void> {
    this.#socket.end();
    await this.#over;
  }

  ignore(): void {
    this.#socket.pause();
  }

  reset(): void {
    this.#wire.resetAndDestroy();
  }

  async #read({ head = false, timeoutMs = 10_000 }: ReadOptions): Promise<RawResponse> {
    const untilMs = nowMs() + timeoutMs;
    for (;;) {
      const ended = this.#ended;
      const parsed = parseResponse(this.#bytes, ended, head);
      if (parsed !== undefined) {
        this.#bytes = this.#bytes.subarray(parsed.length);
        return parsed.response;
      }
      if (ended) {
        const rest = JSON.stringify(this.unread());
        throw new TestkitError(
          'ERR_TESTKIT_RAW_CLOSED',
          `the connection ended before a complete response; unread: ${rest}`,
        );
      }
      const change = new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      if ((await within(change, untilMs - nowMs())) === 'timeout') {
        const rest = JSON.stringify(this.unread());
        throw new TestkitError('ERR_TESTKIT_TIMEOUT', `no complete response within ${timeoutMs} ms; unread: ${rest}`);
      }
    }
  }
}
