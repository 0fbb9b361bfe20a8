import { type Clock, sleep } from './clock.ts';
import { errorOf, isRegistryError } from './errors.ts';
import type { EventHub } from './events.ts';
import type { RegistryAdapter } from './registry.ts';
import { callRegistry, sightingOf } from './registry-call.ts';
import { retryDelay } from './retry.ts';

const LIST_INTERVAL_MS = 200;
/** A registry that cannot be read this often in a row does not keep a service from being ready. */
const UNKNOWN_READS = 5;

export interface RegistrationContext {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly random: () => number;
}

/**
 * Registers with one registry and waits until it lists the instance. Tries until it succeeds or `signal` aborts: a
 * service whose registry is down serves the callers it has and is not ready until it can be found.
 *
 * @returns whether the instance is registered; false only when `signal` aborted.
 */
export async function register(
  adapter: RegistryAdapter,
  { clock, events, random }: RegistrationContext,
  signal: AbortSignal,
): Promise<boolean> {
  const registry = adapter.name;
  for (let attempts = 1; !signal.aborted; attempts++) {
    try {
      await callRegistry(clock, signal, (call) => adapter.register(call));
      const listed = await waitUntilListed(adapter, clock, signal);
      if (signal.aborted) return false;
      if (!listed) {
        const message = `registered with ${registry}, but it does not let the instance be looked up; ready all the same`;
        events.emit('warning', { code: 'REGISTRY_UNCONFIRMED', message });
      }
      events.emit('registered', { registry, attempts, listed });
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      const error = errorOf(thrown);
      const retryInMs = retryDelay(attempts + (isRegistryError(error) && !error.retryable ? 4 : 0), random);
      events.emit('registrationFailed', { registry, error, retryInMs });
      await sleep(clock, retryInMs, signal);
    }
  }
  return false;
}

/** @returns false when the registry could not be read {@link UNKNOWN_READS} times in a row, or `signal` aborted. */
async function waitUntilListed(adapter: RegistryAdapter, clock: Clock, signal: AbortSignal): Promise<boolean> {
  for (let unknown = 0; unknown < UNKNOWN_READS && !signal.aborted; ) {
    const answer = await callRegistry(clock, signal, (call) => adapter.check(call)).catch(() => 'unknown');
    const seen = sightingOf(answer);
    if (seen === 'visible') return true;
    unknown = seen === 'unknown' ? unknown + 1 : 0;
    await sleep(clock, LIST_INTERVAL_MS, signal);
  }
  return false;
}
