/**
 * Lets one operation begin only when the one before it has ended, however it ended: a registration that is still on its
 * way must not overtake the deregistration asked for after it.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** `turn` waits for the operation before; it may reject when it must not wait any longer, and then nothing is run. */
  run<Result>(turn: (before: Promise<unknown>) => Promise<unknown>, operation: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const result = turn(before).then(operation);
    this.#last = Promise.allSettled([before, result]);
    return result;
  }
}
