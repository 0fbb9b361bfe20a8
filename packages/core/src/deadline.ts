import type { Clock } from './clock.ts';

/**
 * One absolute instant that every step of a termination shares. A step asks what is left; it never brings a timeout of
 * its own that could add up. The instant can come nearer (the fast path); it moves away only when the outside grants
 * more time (a signal that comes late).
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #at: number;
  #cancel: () => void;

  constructor(clock: Clock, at: number) {
    this.#clock = clock;
    this.#at = at;
    this.#cancel = this.#arm();
  }

  /** The instant, on the clock's scale. */
  get at(): number {
    return this.#at;
  }

  /** Aborted when the instant is reached. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reached(): boolean {
    return this.#controller.signal.aborted;
  }

  /** What is left, in milliseconds, never negative. */
  remaining(): number {
    return Math.max(0, this.#at - this.#clock.now());
  }

  /** Moves the instant to `at` if that is earlier. */
  advanceTo(at: number): void {
    if (at >= this.#at || this.reached) return;
    this.#at = at;
    this.#cancel();
    this.#cancel = this.#arm();
  }

  /** Moves the instant to `at` if that is later. Nothing happens when it was reached already. */
  postponeTo(at: number): void {
    if (at <= this.#at || this.reached) return;
    this.#at = at;
    this.#cancel();
    this.#cancel = this.#arm();
  }

  /** Frees the timer. The signal stays as it is. */
  dispose(): void {
    this.#cancel();
  }

  #arm(): () => void {
    return this.#clock.after(this.remaining(), () => this.#controller.abort(new Error('the deadline was reached')));
  }
}
