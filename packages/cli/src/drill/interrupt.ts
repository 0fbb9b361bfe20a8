import { DrillError } from './errors.ts';

const LOOK_EVERY_MS = 20;

/** Waits that end when the drill is interrupted, or cannot have a result any more. */
export class Interrupt {
  readonly #waiting = new Set<() => void>();
  #error: DrillError | undefined;

  constructor(signal: AbortSignal) {
    const interrupted = () => {
      this.end(new DrillError('ERR_PRESTOP_DRILL_INTERRUPTED', 'interrupted; the pods were ended'));
    };
    // One listener for all waits: hundreds may be under way at once.
    if (signal.aborted) interrupted();
    else signal.addEventListener('abort', interrupted, { once: true });
  }

  /** Ends all waits with `error`, also those to come. The first error counts. */
  end(error: DrillError): void {
    this.#error ??= error;
    for (const wake of this.#waiting) wake();
  }

  /** @throws DrillError `ERR_PRESTOP_DRILL_INTERRUPTED`, or that of {@link end}; `promise` goes on by itself then. */
  async race<T>(promise: Promise<T>): Promise<T> {
    let wake: () => void = () => undefined;
    const interrupted = new Promise<'interrupted'>((resolve) => {
      wake = () => resolve('interrupted');
    });
    if (this.#error !== undefined) wake();
    this.#waiting.add(wake);
    try {
      const outcome = await Promise.race([promise.then((value) => ({ value })), interrupted]);
      if (outcome !== 'interrupted') return outcome.value;
      promise.catch(() => undefined);
      throw this.#error;
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** @throws DrillError as {@link race}. */
  async pause(ms: number): Promise<void> {
    await this.atMost(new Promise<never>(() => undefined), Math.max(0, ms));
  }

  /**
   * Waits for `promise`, at most `ms`; undefined when that was not enough. The promise itself goes on.
   *
   * @throws DrillError as {@link race}.
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
   * @throws DrillError as {@link race}.
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
