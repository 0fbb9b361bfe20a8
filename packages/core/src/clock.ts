/** Time as core sees it: monotonic for every rule, wall time only for what a person reads. Tests bring their own. */
export interface Clock {
  /** Milliseconds on a monotonic scale with an arbitrary origin. */
  now(): number;
  /** Wall time, for timestamps in reports and log lines. */
  date(): Date;
  /** Calls `run` once after `ms`; the returned function takes the call back. */
  after(ms: number, run: () => void, options?: TimerOptions): () => void;
}

export interface TimerOptions {
  /** Whether the process waits for it when it has nothing else to do. Default: true. */
  readonly keepsAlive?: boolean;
}

export const systemClock: Clock = {
  // What `performance.now()` reads, which would load nine modules of Node 20 that most services have no other use for.
  now() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },
  date: () => new Date(),
  after(ms, run, { keepsAlive = true } = {}) {
    const timer = setTimeout(run, ms);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves when `promise` has settled, after `ms` at the latest, or as soon as `signal` aborts. Leaves no timer behind. */
export async function settledWithin(
  clock: Clock,
  ms: number,
  promise: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  const done = (): void => settled.abort();
  promise.then(done, done);
  await sleep(clock, ms, signal ? AbortSignal.any([settled.signal, signal]) : settled.signal);
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done);
  });
}
