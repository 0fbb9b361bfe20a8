import { unlessAborted } from '../abort.ts';

export interface HeartbeatOptions {
  /** Time from the start of one beat to the start of the next, in milliseconds. */
  readonly intervalMs: number;
  /**
   * One beat. `isWanted()` turns false when the heart is stopped while the beat is under way: it must then not go on to
   * anything that could bring the instance back.
   */
  readonly beat: (signal: AbortSignal, isWanted: () => boolean) => Promise<void>;
  /** Told of every beat that failed; the next one comes all the same. Must not throw. */
  readonly onFailure: (error: unknown) => void;
  readonly onSuccess: () => void;
}

/** Beats until it is stopped; one beat at a time. Its timer does not keep the process alive. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #onTheWire: { readonly ended: Promise<void>; readonly cancel: () => void } | undefined;
  /** Told apart by identity: a beat of a heart that was stopped and started again belongs to none. */
  #life: object | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The first beat comes after one interval. */
  start(): void {
    this.stop();
    this.#life = {};
    this.#plan(this.#life, this.#options.intervalMs);
  }

  /** No beat begins after this; one that is on the wire goes on. */
  stop(): void {
    this.#life = undefined;
    clearTimeout(this.#timer);
  }

  /**
   * Stops, and waits for the beat on the wire. When `signal` aborts the beat is cancelled.
   *
   * @throws what `error()` gives, when the signal aborted.
   */
  async fence(signal: AbortSignal, error: () => Error): Promise<void> {
    this.stop();
    const beat = this.#onTheWire;
    if (beat === undefined) return;
    try {
      await unlessAborted(beat.ended, signal, error);
    } catch (thrown) {
      beat.cancel();
      throw thrown;
    }
  }

  #plan(life: object, delayMs: number): void {
    this.#timer = setTimeout(() => {
      const controller = new AbortController();
      const ended = this.#beat(life, controller.signal);
      const onTheWire = { ended, cancel: () => controller.abort() };
      this.#onTheWire = onTheWire;
      void ended.finally(() => {
        if (this.#onTheWire === onTheWire) this.#onTheWire = undefined;
      });
    }, delayMs).unref();
  }

  async #beat(life: object, signal: AbortSignal): Promise<void> {
    const { intervalMs, beat, onFailure, onSuccess } = this.#options;
    const startedAt = performance.now();
    const isWanted = (): boolean => this.#life === life;
    try {
      await beat(signal, isWanted);
      onSuccess();
    } catch (error) {
      if (isWanted()) onFailure(error);
    }
    if (isWanted()) this.#plan(life, Math.max(0, intervalMs - (performance.now() - startedAt)));
  }
}
