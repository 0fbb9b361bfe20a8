import type { Clock, TimerOptions } from '../../src/clock.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
  readonly keepsAlive: boolean;
}

/** Lets everything that is ready to run, run: promise chains, ticks and immediates. No time passes on any clock. */
export async function settle(turns = 1): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #epochMs: number;
  readonly #origin: number;
  #now: number;
  #order = 0;

  /** `origin`: where the monotonic scale begins; wall time starts at the same date whatever it is. */
  constructor(origin = 1_000, startsOn: Date = new Date('2026-01-02T03:04:05.678Z')) {
    this.#now = origin;
    this.#origin = origin;
    this.#epochMs = startsOn.getTime();
  }

  /** Timers that a process would wait for: none may be left when something claims to be over. */
  get pending(): number {
    return this.#timers.size - this.background;
  }

  /** Timers that no process would wait for. */
  get background(): number {
    return [...this.#timers].filter(({ keepsAlive }) => !keepsAlive).length;
  }

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#epochMs + (this.#now - this.#origin));
  }

  after(ms: number, run: () => void, { keepsAlive = true }: TimerOptions = {}): () => void {
    const timer: Timer = { due: this.#now + Math.max(0, ms), order: this.#order++, run, keepsAlive };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Passes `ms`: timers run in the order of their instants, and what each of them sets off has settled before the next. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.run();
      await settle();
    }
    this.#now = target;
  }

  /** Passes `ms` in which the process does not run: timers that were due in it come late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Passes time until `done`, in steps of `stepMs`, `atMostMs` at the most. @returns whether it was. */
  async advanceUntil(done: () => boolean, atMostMs: number, stepMs = 5): Promise<boolean> {
    const last = this.#now + atMostMs;
    await settle();
    while (!done() && this.#now < last) await this.advance(stepMs);
    return done();
  }

  #next(target: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due > target) continue;
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
