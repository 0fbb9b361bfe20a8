import { messageOf } from './errors.ts';
import type { Phase } from './phase.ts';
import type { DeregistrationOutcome, TerminationReport } from './report.ts';

/** What began a termination, or joined it. */
export type TriggerKind = 'prestop' | 'signal' | 'call' | 'fault';

export interface Trigger {
  readonly kind: TriggerKind;
  /** Name of the signal, message of the fault, or the reason that the caller gave. */
  readonly detail?: string;
}

/** Everything a lifecycle tells, by event name. Public contract: `docs/events.md`, counted by a test. */
export interface LifecycleEvents {
  /** The phase changed; `afterMs` since the previous change. */
  phase: { readonly from: Phase; readonly to: Phase; readonly afterMs: number };
  /** A termination began. */
  terminating: { readonly trigger: Trigger; readonly budgetMs: number };
  /** A further trigger joined the running termination; `fastPath` if it says that the budget is used up. */
  joined: { readonly trigger: Trigger; readonly fastPath: boolean };
  /** The instance is in the registry and was seen there (`listed`), or could not be looked for. */
  registered: { readonly registry: string; readonly attempts: number; readonly listed: boolean };
  /** A try to register failed; the next one follows. */
  registrationFailed: { readonly registry: string; readonly error: Error; readonly retryInMs: number };
  /** A try to deregister failed; `retryInMs` is `undefined` when no other follows. */
  deregistrationFailed: {
    readonly registry: string;
    readonly error: Error;
    readonly retryInMs: number | undefined;
  };
  /** A registry's part of the termination was settled; what is left of it goes on beside the later phases. */
  deregistered: { readonly registry: string; readonly outcome: DeregistrationOutcome; readonly afterMs: number };
  /** The instance was in the registry again after it had been removed; it is being removed again. */
  reappeared: { readonly registry: string };
  /** A counted request came after deregistration. */
  lateRequest: {
    readonly method: string;
    readonly path: string;
    readonly remoteAddress: string;
    readonly userAgent: string;
    readonly afterMs: number;
  };
  /** A request was ended without an answer. */
  cut: { readonly method: string; readonly path: string; readonly ageMs: number; readonly cause: CutCause };
  /** Held work was given up before it was released. */
  heldCut: { readonly work: string; readonly ageMs: number };
  /** A closer ended. */
  closed: { readonly closer: string; readonly outcome: CloserOutcome; readonly ms: number; readonly error?: Error };
  /** No signal followed the answer to `/prestop`: the service is registered and ready again. */
  resumed: { readonly waitedMs: number };
  /** A call of an endpoint was refused; nothing was changed. */
  refused: { readonly endpoint: string; readonly remoteAddress: string; readonly reason: string };
  /** The service declared a failure that only a restart can mend. */
  failed: { readonly reason: string };
  /** Something is wrong around the service that will cost requests one day. */
  warning: { readonly code: WarningCode; readonly message: string };
  /** Starting failed; the service will not become ready. */
  startFailed: { readonly error: Error };
  /** The termination is over; the process exits next. */
  report: { readonly report: TerminationReport };
}

export type LifecycleEventName = keyof LifecycleEvents;

/** The names as values; the compiler keeps the list complete. */
export const EVENT_NAMES: readonly LifecycleEventName[] = Object.keys({
  phase: true,
  terminating: true,
  joined: true,
  registered: true,
  registrationFailed: true,
  deregistrationFailed: true,
  deregistered: true,
  reappeared: true,
  lateRequest: true,
  cut: true,
  heldCut: true,
  closed: true,
  resumed: true,
  refused: true,
  failed: true,
  warning: true,
  startFailed: true,
  report: true,
} satisfies Record<LifecycleEventName, true>) as LifecycleEventName[];

/**
 * Why a request was ended without an answer: the deadline, a second signal, or it arrived on a connection that had just
 * been closed.
 */
export type CutCause = 'deadline' | 'collision' | 'second-signal';

/** `skipped`: it was not begun. `cut`: a second signal ended the process while it ran. */
export type CloserOutcome = 'done' | 'failed' | 'timed-out' | 'skipped' | 'cut';

/** Codes of {@link LifecycleEvents.warning}; documented in `docs/events.md`. */
export const WARNING_CODES = [
  'PACKAGE_MANAGER',
  'SHELL_IS_PID_1',
  'REGISTRY_UNCONFIRMED',
  'REGISTRY_UNLISTED',
  'REGISTRY_CLOSE_FAILED',
  'CLOSER_ORDER',
  'LISTENER_FAILED',
] as const;

export type WarningCode = (typeof WARNING_CODES)[number];

export type LifecycleListener<Name extends LifecycleEventName> = (event: LifecycleEvents[Name]) => void;

/** Passes events to their listeners. A listener that throws or rejects is reported and changes nothing else. */
export class EventHub {
  readonly #listeners = new Map<LifecycleEventName, Set<(event: never) => void>>();

  on<Name extends LifecycleEventName>(name: Name, listener: LifecycleListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // Wrapped, so that the same function subscribed twice can be taken off once.
    const entry = (event: LifecycleEvents[Name]): void => listener(event);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  emit<Name extends LifecycleEventName>(name: Name, event: LifecycleEvents[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const returned: unknown = (listener as LifecycleListener<Name>)(event);
        if (returned instanceof Promise) returned.catch((error: unknown) => this.#failed(name, error));
      } catch (error) {
        this.#failed(name, error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }

  #failed(name: LifecycleEventName, error: unknown): void {
    // A listener of warnings that fails would be told of its own failure for ever.
    if (name === 'warning') return;
    this.emit('warning', { code: 'LISTENER_FAILED', message: `a listener of "${name}" threw: ${messageOf(error)}` });
  }
}
