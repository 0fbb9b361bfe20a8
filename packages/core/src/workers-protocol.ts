import type { Trigger } from './events.ts';
import type { TerminationReport } from './report.ts';
import type { LifecycleStatus } from './status.ts';

/** What is left, in milliseconds: monotonic clocks of two processes have nothing in common. */
export interface WorkerLimits {
  /** Until requests are cut. */
  readonly requestsMs: number;
  /** Until the worker has ended. */
  readonly totalMs: number;
}

/** What a worker's termination takes over from its primary's. */
export interface WorkerTerms extends WorkerLimits {
  readonly terminationGracePeriodSeconds: number;
  readonly floorMs: number;
  readonly minDrainMs: number;
}

/** What a primary tells a worker. */
export type PrimaryMessage =
  /** I follow you, and handle these signals: ignore them. */
  | { readonly type: 'welcome'; readonly signals: readonly NodeJS.Signals[] }
  /** Terminate as far as `drained`. `run` numbers the terminations, so that an answer is not taken for another's. */
  | { readonly type: 'terminate'; readonly run: number; readonly trigger: Trigger; readonly terms: WorkerTerms }
  /** No registry sends callers here any more: who comes now is late. */
  | { readonly type: 'removed' }
  /** The floor has passed; `proven` when the registries confirmed the removal. */
  | { readonly type: 'floor-passed'; readonly proven: boolean }
  /** The budget of the outside is used up. */
  | { readonly type: 'hurry'; readonly trigger: Trigger; readonly limits: WorkerLimits }
  /** Run your closers and end. */
  | { readonly type: 'close'; readonly limits: WorkerLimits }
  /** How are you? `round` numbers the questions. */
  | { readonly type: 'ask'; readonly round: number }
  /** The pod is not going away: be ready again. */
  | { readonly type: 'resume'; readonly waitedMs: number };

/** What a worker tells its primary. */
export type WorkerMessage =
  /** I have a lifecycle; `ready` when its servers listen, `failure` when it declared one. */
  | { readonly type: 'hello'; readonly ready: boolean; readonly failure: string | null }
  | { readonly type: 'status'; readonly round: number; readonly status: LifecycleStatus }
  | { readonly type: 'drained'; readonly run: number; readonly report: TerminationReport }
  /** The last words. */
  | { readonly type: 'ended'; readonly report: TerminationReport };

/** The channel belongs to the application too: what is ours travels under this name, and everything else is ignored. */
const ENVELOPE = '@prestop/core';

export function wrap(message: PrimaryMessage | WorkerMessage): object {
  return { [ENVELOPE]: message };
}

/** @returns `undefined` for a message of the application. */
export function unwrap<Message extends PrimaryMessage | WorkerMessage>(received: unknown): Message | undefined {
  if (typeof received !== 'object' || received === null || !Object.hasOwn(received, ENVELOPE)) return undefined;
  return (received as Record<typeof ENVELOPE, Message>)[ENVELOPE];
}
