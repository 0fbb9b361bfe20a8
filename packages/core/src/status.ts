import type { ConnectionCounts } from './http-connections.ts';
import type { Phase } from './phase.ts';

/** A snapshot of a lifecycle, as `status()` and `GET /status` give it. */
export interface LifecycleStatus {
  readonly phase: Phase;
  /** Registered, listed, and not terminating. */
  readonly ready: boolean;
  /** False after a declared failure. */
  readonly live: boolean;
  /** Counted requests in flight. */
  readonly inFlight: number;
  /** Counted requests answered since the start of the process. */
  readonly answered: number;
  /** Counted requests that came after deregistration, in the running termination. */
  readonly late: number;
  readonly connections: ConnectionCounts;
  /** Registries by name, and whether the instance is registered there. */
  readonly registries: Readonly<Record<string, 'pending' | 'registered' | 'deregistered'>>;
  /** Milliseconds until requests are cut; `null` when no termination runs. */
  readonly remainingMs: number | null;
}
