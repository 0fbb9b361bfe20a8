import type { ConnectionCounts } from './http-connections.ts';
import type { Phase } from './phase.ts';
import type { DeregistrationOutcome } from './report.ts';

/**
 * What is known of one registry. `pending`: being asked to register. `registered`: it lists the instance, or took it and
 * cannot be read. `deregistering`: it has not agreed to remove the instance, or showed it again. The others as in a report:
 * `confirmed`, `unconfirmed`, `failed`.
 */
export type RegistryState = 'pending' | 'registered' | 'deregistering' | DeregistrationOutcome;

/** A snapshot of a lifecycle, as `status()` and `GET /status` give it. */
export interface LifecycleStatus {
  readonly phase: Phase;
  /** Registered, listed, not terminating, and nothing held that takes readiness. */
  readonly ready: boolean;
  /** False after a declared failure. */
  readonly live: boolean;
  /** Counted requests in flight. */
  readonly inFlight: number;
  /** Counted requests answered since the start of the process. */
  readonly answered: number;
  /** Counted requests that came after deregistration, in the running termination. */
  readonly late: number;
  /** Work outside of requests that a drain waits for. */
  readonly held: number;
  readonly connections: ConnectionCounts;
  /** Registries by name. */
  readonly registries: Readonly<Record<string, RegistryState>>;
  /** Milliseconds until requests are cut; `null` when no termination runs. */
  readonly remainingMs: number | null;
}
