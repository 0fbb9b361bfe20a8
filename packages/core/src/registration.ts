import { type Clock, sleep } from './clock.ts';
import { errorOf, isRegistryError } from './errors.ts';
import type { EventHub } from './events.ts';
import type { RegistryAdapter } from './registry.ts';
import { callRegistry, sightingOf } from './registry-call.ts';
import { retryDelay } from './retry.ts';

/** Pause between two looks for the instance, in milliseconds. */
const LIST_INTERVAL_MS = 200;
/** A registry that took the instance and does not list it for this long, in milliseconds, is worth a warning. */
const UNLISTED_MS = 10_000;
/** A registry that cannot be read this often in a row does not keep a service from being ready. */
const UNKNOWN_READS = 5;
/** A refusal that no second try mends counts as so many failures more: it is tried again, but not in a hurry. */
const REFUSED_FAILURES = 4;

export interface RegistrationContext {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly random: () => number;
  /** What the registry did last, in words that follow its name. */
  readonly onProgress?: (what: string) => void;
}

/**
 * Registers with one registry and waits until it lists the instance. Tries until it succeeds or `signal` aborts: a
 * service whose registry is down serves the callers it has and is not ready until it can be found.
 *
 * @returns whether the instance is registered; false only when `signal` aborted.
 */
export async function register(
  adapter: RegistryAdapter,
  context: RegistrationContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, events, random, onProgress } = context;
  const registry = adapter.name;
  onProgress?.('has not answered');
  for (let attempts = 1; !signal.aborted; attempts++) {
    try {
      await callRegistry(clock, signal, (call) => adapter.register(call));
      onProgress?.('took the instance and does not list it');
      const listed = await waitUntilListed(adapter, context, signal);
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
      onProgress?.(isRegistryError(error) ? `failed (${error.kind})` : 'failed');
      const isRefused = isRegistryError(error) && !error.retryable;
      const retryInMs = retryDelay(attempts + (isRefused ? REFUSED_FAILURES : 0), random);
      events.emit('registrationFailed', { registry, error, retryInMs });
      await sleep(clock, retryInMs, signal);
    }
  }
  return false;
}

/** @returns false when the registry could not be read {@link UNKNOWN_READS} times in a row, or `signal` aborted. */
async function waitUntilListed(
  adapter: RegistryAdapter,
  { clock, events }: RegistrationContext,
  signal: AbortSignal,
): Promise<boolean> {
  let warnAt = clock.now() + UNLISTED_MS;
  for (let unknown = 0; unknown < UNKNOWN_READS && !signal.aborted; ) {
    const answer = await callRegistry(clock, signal, (call) => adapter.check(call)).catch(() => 'unknown');
    const seen = sightingOf(answer);
    if (seen === 'visible') return true;
    unknown = seen === 'unknown' ? unknown + 1 : 0;
    if (seen === 'gone' && clock.now() >= warnAt) {
      const message = `${adapter.name} took the instance ${UNLISTED_MS / 1_000} s ago and does not list it; not ready until it does`;
      events.emit('warning', { code: 'REGISTRY_UNLISTED', message });
      warnAt = Number.POSITIVE_INFINITY;
    }
    await sleep(clock, LIST_INTERVAL_MS, signal);
  }
  return false;
}
