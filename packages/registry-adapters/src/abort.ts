import { RegistryError } from '@prestop/core';

/** What an adapter rejects with when its caller's time is up; retryable, like every timeout. */
export function aborted(registry: string, call: string, signal: AbortSignal): RegistryError {
  const { reason }: { reason?: unknown } = signal;
  const why = reason instanceof Error ? ` (${reason.message})` : '';
  return new RegistryError(registry, 'timeout', `${call}: given up by the caller before it was done${why}`);
}

/** The outcome of `promise`, or a rejection with `error()` if `signal` is or gets aborted. Leaves no listener behind. */
export async function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  error: () => Error,
): Promise<Result> {
  if (signal.aborted) throw error();
  let onAbort = (): void => undefined;
  const abort = new Promise<never>((_, reject) => {
    onAbort = () => reject(error());
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, abort]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
