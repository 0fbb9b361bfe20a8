export interface HeartbeatOptions {
  /** Sends one heartbeat; resolves with the time until the next one, in milliseconds, or `'stop'` for none. */
  readonly beat: () => Promise<number | 'stop'>;
  /** Time until the next try after a failure, in milliseconds. */
  readonly retryMs: number;
  /** Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** Sends heartbeats one after another. Its timer does not keep the process alive. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #run = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Sends the first heartbeat after `firstMs` milliseconds. A running series is replaced. */
  start(firstMs: number): void {
    this.stop();
    this.#schedule(firstMs, this.#run);
  }

  /** No further heartbeat starts. One that is on its way is the fence's business. */
  stop(): void {
    this.#run += 1;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number, run: number): void {
    this.#timer = setTimeout(() => void this.#send(run), delayMs);
    this.#timer.unref();
  }

  async #send(run: number): Promise<void> {
    let nextMs: number | 'stop' = this.#options.retryMs;
    try {
      nextMs = await this.#options.beat();
    } catch (error) {
      if (run === this.#run) this.#options.onError(error);
    } finally {
      if (run === this.#run && nextMs !== 'stop') this.#schedule(nextMs, run);
    }
  }
}
