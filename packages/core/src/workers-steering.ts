import { LifecycleError } from './errors.ts';
import type { Trigger } from './events.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import type { TerminationReport } from './report.ts';
import type { WorkerGroup } from './workers-group.ts';
import type { WorkerLimits, WorkerTerms } from './workers-protocol.ts';

/** Key of what a lifecycle offers to the modules for workers and to nobody else. */
export const STEERING: unique symbol = Symbol('prestop.steering');

/** What a worker's termination knows of its primary's. */
export interface PrimaryProgress {
  /** Whether the primary's lame duck is over: its registries, and its floor. */
  readonly floorPassed: boolean;
  /** Whether its registries confirmed the removal, so that silence before the start counts. */
  readonly proven: boolean;
}

/** How the modules for workers move a lifecycle. */
export interface Steering {
  /** In a primary: the workers that take part in everything from now on. Starts the lifecycle as `attach` does. */
  workers(): WorkerGroup;
  /** As far as `drained`, on the terms of a primary; nothing follows by itself. */
  drain(trigger: Trigger, terms: WorkerTerms, primary: PrimaryProgress): Promise<TerminationReport>;
  /** Who comes from now on is late. */
  removed(): void;
  /** The fast path, within `limits`. */
  hurry(trigger: Trigger, limits: WorkerLimits): void;
  /** The rest of the sequence, to the end of the process. */
  close(limits: WorkerLimits): Promise<TerminationReport>;
  /** Back to `ready`; resolves when the servers listen. */
  resume(waitedMs: number): Promise<void>;
  /** Takes no new connections, finishes what is in flight, closes and ends: nobody can send callers here any more. */
  retire(reason: string): void;
  /** Called by `stop()`. */
  onStop(release: () => void): void;
}

export interface SteeredLifecycle extends Lifecycle {
  readonly [STEERING]: Steering;
}

/** @throws LifecycleError `ERR_PRESTOP_WORKER_INVALID` */
export function steeringOf(lifecycle: Lifecycle): Steering {
  const steering = (lifecycle as Partial<SteeredLifecycle> | undefined)?.[STEERING];
  if (steering !== undefined) return steering;
  const rule = 'a lifecycle made by createLifecycle of this copy of @prestop/core';
  throw new LifecycleError('ERR_PRESTOP_WORKER_INVALID', `superviseWorkers: the lifecycle must be ${rule}`, {
    option: 'lifecycle',
    rule,
  });
}
