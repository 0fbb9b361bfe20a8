import { type Clock, sleep } from './clock.ts';

/** How often the conditions for leaving a phase are looked at, in milliseconds. */
const TICK_MS = 25;
/** A look that comes this much too late, in milliseconds, means that the process did not run meanwhile. */
const STALL_MS = 100;
/** After one of this length, in milliseconds, the network may have stood still too: what was sent is sent again later. */
const PAUSE_MS = 1_000;

/** The moments in which a termination looks at its conditions, and what they tell of how the process runs. */
export class Ticks {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #over: AbortSignal;
  #awakeSince: number | undefined;

  /** @param over Ends a wait. */
  constructor(clock: Clock, startedAt: number, over: AbortSignal) {
    this.#clock = clock;
    this.#startedAt = startedAt;
    this.#over = over;
  }

  /**
   * Silence counts from here: a process has heard nobody in the time in which it did not run (throttled, paused).
   * `undefined` when it always did.
   */
  get awakeSince(): number | undefined {
    return this.#awakeSince;
  }

  /** The same from the start of the termination at the earliest. */
  get awakeSinceStart(): number {
    return Math.max(this.#startedAt, this.#awakeSince ?? this.#startedAt);
  }

  async next(): Promise<void> {
    const dueAt = this.#clock.now() + TICK_MS;
    await sleep(this.#clock, TICK_MS, this.#over);
    const missedMs = this.#clock.now() - dueAt;
    if (missedMs <= STALL_MS) return;
    // Not from the beginning again after a short one: under a CPU limit the next may come before any silence is long.
    this.#awakeSince = missedMs > PAUSE_MS ? this.#clock.now() : this.awakeSinceStart + missedMs;
    // Timers run before sockets are read: what was sent in the meantime is still to be heard.
    await sleep(this.#clock, TICK_MS, this.#over);
  }
}
