/** Milliseconds of the monotonic clock that every time in this package is taken from (`performance.now()`). */
export function nowMs(): number {
  return performance.now();
}

/** A pause that can be ended early; ending it twice, or after it is over, changes nothing. */
export interface Pause {
  readonly over: Promise<void>;
  end(): void;
}

/** @param ms Length in milliseconds; negative counts as 0. */
export function pause(ms: number): Pause {
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    end = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, end };
}

/** Waits for `promise`, at most `ms`; says which of the two it was. The promise itself goes on. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<{ value: T } | 'timeout'> {
  const limit = pause(ms);
  try {
    return await Promise.race([promise.then((value) => ({ value })), limit.over.then(() => 'timeout' as const)]);
  } finally {
    limit.end();
  }
}
