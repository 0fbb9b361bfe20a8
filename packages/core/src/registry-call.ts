import { type Clock, settledWithin } from './clock.ts';
import { messageOf } from './errors.ts';
import type { EventHub } from './events.ts';
import type { RegistryAdapter, RegistryCallOptions, Sighting } from './registry.ts';

/** Longest time for one call of a registry, in milliseconds; another try follows within the same budget. */
export const REGISTRY_CALL_MS = 2_000;
/** Longest wait for a registry's client to close, in milliseconds. */
const REGISTRY_CLOSE_MS = 1_000;

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

/**
 * Frees an adapter's client. A failure, or an adapter that takes longer than {@link REGISTRY_CLOSE_MS}, is a warning and
 * nothing else; it is not waited for once `signal` aborts.
 *
 * @returns what was wrong, `null` when nothing was.
 */
export async function closeRegistry(
  adapter: RegistryAdapter,
  { clock, events }: { readonly clock: Clock; readonly events: EventHub },
  signal?: AbortSignal,
): Promise<string | null> {
  const startedAt = clock.now();
  const closed = (async () => adapter.close())().then(
    () => null,
    (thrown: unknown) => messageOf(thrown),
  );
  const late = settledWithin(clock, REGISTRY_CLOSE_MS, closed, signal).then(
    () => `it had not closed after ${Math.round(clock.now() - startedAt)} ms`,
  );
  const error = await Promise.race([closed, late]);
  if (error !== null) {
    const message = `the client of ${adapter.name} was not closed: ${error}`;
    events.emit('warning', { code: 'REGISTRY_CLOSE_FAILED', message });
  }
  return error;
}
