import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock } from './clock.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import { checkOptions, integer, invalidOption, type OptionRules, oneOf, text } from './option-rules.ts';
import { type WebSocketLike, WebSocketsDrain } from './web-sockets-drain.ts';

/** What a drain needs of the `WebSocketServer` of the package `ws`, in any of its modes (`server`, `port`, `noServer`). */
export interface WebSocketServerLike<Client extends WebSocketLike> {
  readonly clients: ReadonlySet<Client>;
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    done: (client: Client, request: IncomingMessage) => void,
  ): void;
}

/** How a close frame puts it, with the status code of each. */
export const CLOSE_STATUSES = {
  /** RFC 6455, section 7.4.1: a server going down. */
  'going-away': 1001,
  /** Registered with IANA for WebSocket: a restart, after which a client may reconnect at a random time. */
  'service-restart': 1012,
} as const;

export interface WebSocketDrainOptions {
  /** Name of the closer, in the report and for `after` of others. Default `'websockets'`. */
  readonly name?: string;
  /** Status of the close frame. Default `'going-away'`, 1001; `'service-restart'` is 1012. */
  readonly status?: keyof typeof CLOSE_STATUSES;
  /** Reason in the close frame, at most 123 octets of UTF-8. Default `'the service is going away'`. */
  readonly reason?: string;
  /**
   * The clients are told at random instants of a window, so that they do not all reconnect at once: this long at most, in
   * milliseconds, and 10 for each client if that is less. Default 5000; 0 tells them all at once.
   */
  readonly spreadMs?: number;
  /**
   * How long a client that was told may take to answer the close frame before its connection is terminated, in
   * milliseconds, and not more than half of what is left until the deadline. Default 2000.
   */
  readonly closeTimeoutMs?: number;
}

const OWNER = 'drainWebSockets';
const MINUTE_MS = 60_000;
/** RFC 6455, section 5.5: a control frame carries 125 octets, 2 of them are the status. */
const REASON_LIMIT = 123;

const RULES: OptionRules<WebSocketDrainOptions> = {
  name: text(),
  status: oneOf(...Object.keys(CLOSE_STATUSES)),
  reason: {
    rule: `a string of at most ${REASON_LIMIT} octets`,
    holds: (value) => typeof value === 'string' && Buffer.byteLength(value) <= REASON_LIMIT,
  },
  spreadMs: integer('milliseconds', 0, 10 * MINUTE_MS),
  closeTimeoutMs: integer('milliseconds', 1, 10 * MINUTE_MS),
};

/**
 * Ends the connections of a WebSocket server when the service drains. Until the lame duck is over everything goes on, new
 * connections too. Then new ones are refused with 503; those that are open get a close frame, spread over a window with
 * jitter, and what has not ended a while after its close frame, or at the deadline, is terminated. The report counts them
 * under the closer's name: `told`, `closed` (answered the close frame), `terminated`, `refused`.
 *
 * The HTTP server that the upgrades come from is attached as any other. Terminated connections are no cut requests: a
 * termination that had to terminate some is clean.
 *
 * The usual mistake: closing the WebSocket server in a closer of phase `closing`; the termination has waited for its
 * connections by then, up to the deadline.
 *
 * @returns a function that takes it off again.
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`, also for a server that does not track
 * its clients; `ERR_PRESTOP_CLOSER_INVALID` for a name that is taken.
 */
export function drainWebSockets<Client extends WebSocketLike>(
  server: WebSocketServerLike<Client>,
  lifecycle: Lifecycle,
  options: WebSocketDrainOptions = {},
): () => void {
  checkOptions<WebSocketDrainOptions>(OWNER, options, RULES);
  if (!isWebSocketServer(server)) {
    throw invalidOption(OWNER, 'server', 'a WebSocketServer of the package ws that tracks its clients', server);
  }
  const { name = 'websockets', status = 'going-away', reason = 'the service is going away' } = options;
  const refusal = new Refusal(server);
  const releases = [
    lifecycle.on('phase', ({ to }) => {
      if (to === 'draining') refusal.begin();
      if (to === 'ready') refusal.end();
    }),
    lifecycle.onClose(
      name,
      async ({ signal }) => {
        const drain = new WebSocketsDrain(server.clients, {
          code: CLOSE_STATUSES[status],
          reason,
          spreadMs: options.spreadMs ?? 5_000,
          closeTimeoutMs: options.closeTimeoutMs ?? 2_000,
          remainingMs: () => lifecycle.status().remainingMs ?? 0,
          clock: systemClock,
          random: Math.random,
        });
        const counts = await drain.run(signal);
        return { ...counts, refused: refusal.count };
      },
      { phase: 'draining' },
    ),
  ];
  return () => {
    for (const release of releases) release();
    refusal.end();
  };
}

function isWebSocketServer(server: unknown): server is WebSocketServerLike<WebSocketLike> {
  if (typeof server !== 'object' || server === null) return false;
  const { clients, handleUpgrade } = server as Partial<WebSocketServerLike<WebSocketLike>>;
  return clients instanceof Set && typeof handleUpgrade === 'function';
}

/** Refuses upgrades, by replacing the public method that all modes of `ws` come through, on this one server. */
class Refusal<Client extends WebSocketLike> {
  readonly #server: WebSocketServerLike<Client>;
  #refuses = false;
  #own: PropertyDescriptor | undefined;
  #count = 0;

  constructor(server: WebSocketServerLike<Client>) {
    this.#server = server;
  }

  get count(): number {
    return this.#count;
  }

  begin(): void {
    if (this.#refuses) return;
    this.#refuses = true;
    this.#count = 0;
    this.#own = Object.getOwnPropertyDescriptor(this.#server, 'handleUpgrade');
    this.#server.handleUpgrade = (_request, socket) => {
      this.#count += 1;
      refuse(socket);
    };
  }

  end(): void {
    if (!this.#refuses) return;
    this.#refuses = false;
    if (this.#own) Object.defineProperty(this.#server, 'handleUpgrade', this.#own);
    else Reflect.deleteProperty(this.#server, 'handleUpgrade');
  }
}

function refuse(socket: Duplex): void {
  // A caller that goes away meanwhile is none of our business, and would end the process.
  socket.on('error', () => {});
  socket.once('finish', () => socket.destroy());
  socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}
