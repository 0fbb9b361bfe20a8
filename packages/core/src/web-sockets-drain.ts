import { type Clock, sleep } from './clock.ts';

/** What a drain needs of a `WebSocket` of the package `ws`. */
export interface WebSocketLike {
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What became of the clients. */
export interface WebSocketCounts {
  /** Clients that were sent a close frame. */
  readonly told: number;
  /** Of those, clients that ended by themselves. */
  readonly closed: number;
  /** Clients whose connection was terminated. */
  readonly terminated: number;
}

export interface WebSocketsDrainContext {
  readonly code: number;
  readonly reason: string;
  readonly spreadMs: number;
  readonly closeTimeoutMs: number;
  /** Milliseconds until the deadline, which may come nearer. */
  readonly remainingMs: () => number;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

const TICK_MS = 20;
/** Part of the window for each client, in milliseconds: a few are told at once, many over the whole of it. */
const EACH_MS = 10;

/** Tells the clients of a WebSocket server to go, and terminates those that do not. Runs once. */
export class WebSocketsDrain {
  readonly #clients: ReadonlySet<WebSocketLike>;
  readonly #context: WebSocketsDrainContext;
  /** When each client was told. */
  readonly #toldAt = new Map<WebSocketLike, number>();
  readonly #terminated = new Set<WebSocketLike>();
  /** Clients that were terminated without having been told. */
  #untold = 0;
  #deadlineAt = Number.POSITIVE_INFINITY;
  #patienceMs = 0;
  #windowEndsAt = 0;

  /** @param clients A live set: clients leave it as they end. */
  constructor(clients: ReadonlySet<WebSocketLike>, context: WebSocketsDrainContext) {
    this.#clients = clients;
    this.#context = context;
  }

  async run(signal: AbortSignal): Promise<WebSocketCounts> {
    const { clock, spreadMs } = this.#context;
    this.#windowEndsAt = clock.now() + Math.min(spreadMs, this.#clients.size * EACH_MS);
    while (this.#clients.size > 0 && !signal.aborted) {
      this.#plan();
      this.#look();
      await sleep(clock, TICK_MS, signal);
    }
    for (const client of this.#clients) this.#terminate(client);
    const told = this.#toldAt.size;
    const terminated = this.#terminated.size;
    return { told, closed: told + this.#untold - terminated, terminated };
  }

  /** Fits window and patience into what is left until the deadline, again when that has come nearer. */
  #plan(): void {
    const { clock, closeTimeoutMs, remainingMs } = this.#context;
    const now = clock.now();
    const left = remainingMs();
    if (now + left > this.#deadlineAt - TICK_MS) return;
    this.#deadlineAt = now + left;
    this.#patienceMs = Math.min(closeTimeoutMs, left / 2);
    this.#windowEndsAt = Math.min(this.#windowEndsAt, this.#deadlineAt - this.#patienceMs);
  }

  #look(): void {
    const { clock, random } = this.#context;
    const now = clock.now();
    const left = this.#windowEndsAt - now;
    for (const client of this.#clients) {
      const toldAt = this.#toldAt.get(client);
      // The same chance in each tick that is left makes every instant of the window equally likely.
      if (toldAt === undefined && (left <= TICK_MS || random() < TICK_MS / left)) this.#tell(client, now);
      else if (toldAt !== undefined && now >= toldAt + this.#patienceMs) this.#terminate(client);
    }
  }

  #tell(client: WebSocketLike, now: number): void {
    this.#toldAt.set(client, now);
    client.close(this.#context.code, this.#context.reason);
  }

  #terminate(client: WebSocketLike): void {
    if (this.#terminated.has(client)) return;
    if (!this.#toldAt.has(client)) this.#untold += 1;
    this.#terminated.add(client);
    client.terminate();
  }
}
