import { DrillError } from './errors.ts';

const LOOK_EVERY_MS = 20;

/** Waits that end when the drill is interrupted. */
export class Interrupt {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    // One listener for all waits: hundreds may be under way at once.
    signal.addEventListener(
      'abort',
      () => {
        for (const wake of this.#waiting) wake();
      },
      { once: true },
    );
  }

  /** @throws DrillError `ERR_PRESTOP_DRILL_INTERRUPTED`; `promise` goes on by itself then. */
  async race<T>(promise: Promise<T>): Promise<T> {
    let wake: () => void = () => undefined;
    const interrupted = new Promise<'interrupted'>((resolve) => {
      wake = () => resolve('interrupted');
    });
    if (this.#signal.aborted) wake();
    this.#waiting.add(wake);
    try {
      const outcome = await Promise.race([promise.then((value) => ({ value })), interrupted]);
      if (outcome !== 'interrupted') return outcome.value;
      promise.catch(() => undefined);
      throw new DrillError('ERR_PRESTOP_DRILL_INTERRUPTED', 'interrupted; the pods were ended');
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** @throws DrillError `ERR_PRESTOP_DRILL_INTERRUPTED` */
  async pause(ms: number): Promise<void> {
    await this.atMost(new Promise<never>(() => undefined), Math.max(0, ms));
  }

  /**
   * Waits for `promise`, at most `ms`; undefined when that was not enough. The promise itself goes on.
   *
   * @throws DrillError `ERR_PRESTOP_DRILL_INTERRUPTED`
   */
  async atMost<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ms);
    });
    try {
      return await this.race(Promise.race([promise, limit]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Looks again and again until `condition` holds. @returns whether it did within that time.
   *
   * @throws DrillError `ERR_PRESTOP_DRILL_INTERRUPTED`
   */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    while (!condition()) {
      if (performance.now() >= deadline) return false;
      await this.pause(LOOK_EVERY_MS);
    }
    return true;
  }
}
