/**
 * Stands between this process and the heartbeats it sends. Once shut, no heartbeat starts any more, and one that is on
 * the wire is waited for: a heartbeat that arrives after the removal may bring the instance back.
 */
export class Fence {
  /** What is on the wire, and what cuts it off. */
  readonly #onTheWire = new Map<Promise<unknown>, AbortController>();
  #isShut = true;

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Whether a heartbeat is on the wire now. */
  get isBusy(): boolean {
    return this.#onTheWire.size > 0;
  }

  /** Runs `beat` unless the fence is shut: then it returns `'shut'` and `beat` never starts. `cut` ends it early. */
  async pass<Result>(beat: (cut: AbortSignal) => Promise<Result>): Promise<Result | 'shut'> {
    if (this.#isShut) return 'shut';
    const controller = new AbortController();
    const running = beat(controller.signal);
    this.#onTheWire.set(running, controller);
    try {
      return await running;
    } finally {
      this.#onTheWire.delete(running);
    }
  }

  open(): void {
    this.#isShut = false;
  }

  /** Nothing starts from now on. */
  shut(): void {
    this.#isShut = true;
  }

  /**
   * Resolves when nothing is on the wire any more. When `signal` aborts first, what is left is cut off; the server may
   * have read it by then.
   */
  async clear(signal: AbortSignal): Promise<void> {
    const cut = () => this.cut(signal.reason);
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    await Promise.allSettled(this.#onTheWire.keys());
    signal.removeEventListener('abort', cut);
  }

  /** Ends what is on the wire at once. */
  cut(reason?: unknown): void {
    for (const controller of this.#onTheWire.values()) controller.abort(reason);
  }
}
