import type { Clock } from './clock.ts';
import type { RegistryCallOptions, Sighting } from './registry.ts';

/** Longest time for one call of a registry, in milliseconds; another try follows within the same budget. */
export const REGISTRY_CALL_MS = 2_000;

/**
 * One call of a registry that ends after {@link REGISTRY_CALL_MS} or with `signal`, whether the adapter obeys its signal
 * or not.
 */
export async function callRegistry<Result>(
  clock: Clock,
  signal: AbortSignal,
  call: (options: RegistryCallOptions) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  const cancel = clock.after(REGISTRY_CALL_MS, () =>
    controller.abort(new Error(`the registry did not answer within ${REGISTRY_CALL_MS} ms`)),
  );
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([
      call({ signal: controller.signal }),
      new Promise<never>((_, reject) => {
        controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
      }),
    ]);
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
  }
}

/** An adapter's answer to `check`; whatever is not one of the two words proves nothing. */
export function sightingOf(answer: unknown): Sighting {
  return answer === 'visible' || answer === 'gone' ? answer : 'unknown';
}
