import type { AddressInfo } from 'node:net';
import type { Closer, CloserOptions } from './closers.ts';
import type { AttachableServer } from './connection-set.ts';
import type { EndpointHandler, EndpointHandlerOptions } from './endpoints.ts';
import type { LifecycleEventName, LifecycleListener, Trigger } from './events.ts';
import type { HoldOptions } from './held-work.ts';
import type { Phase } from './phase.ts';
import type { TerminationReport } from './report.ts';
import type { LifecycleStatus } from './status.ts';
import type { RequestSignals, ServerRequest } from './traffic.ts';

/** The life of one service process: from registered to proven gone. Made by `createLifecycle`. */
export interface Lifecycle {
  readonly phase: Phase;
  /** Aborted when the service starts draining; a new one after a resume. */
  readonly drainSignal: AbortSignal;
  /** Where the admin server listens; `undefined` without one, or before it does. */
  readonly adminAddress: AddressInfo | undefined;

  /**
   * Follows a server: its requests, its connections, its end. Attach it in the same turn in which it starts to listen;
   * several servers are allowed.
   *
   * @returns the same server.
   * @throws LifecycleError `ERR_PRESTOP_SERVER_INVALID`, `ERR_PRESTOP_SERVER_ATTACHED`, `ERR_PRESTOP_STOPPED`
   */
  attach<Server extends AttachableServer>(server: Server): Server;

  /**
   * Listens for signals, opens the admin server, waits until every attached server listens, registers, and resolves when
   * the instance is listed. Called by {@link attach} unless `start` is `'manual'`. Idempotent: every call gets the same
   * promise. A registry that is down does not make it reject; it goes on trying.
   *
   * @throws LifecycleError `ERR_PRESTOP_ADMIN_LISTEN`, `ERR_PRESTOP_CLOSER_INVALID`, `ERR_PRESTOP_STOPPED`
   */
  start(): Promise<void>;

  /**
   * Terminates, or joins the termination that runs. Resolves with the report right before the process exits; with
   * `{ kind: 'prestop' }` it does what the endpoint does: it resolves when only the signal is missing. With the report
   * as it stands when {@link stop} ends it before.
   *
   * Do not await it inside a request handler: the termination waits for that request, until the deadline cuts it.
   */
  terminate(trigger?: Trigger): Promise<TerminationReport>;

  /**
   * Runs `closer` in phase `closing`, when no request is in flight any more; or in `draining`, if its options say so.
   *
   * @returns a function that takes it away again.
   * @throws LifecycleError `ERR_PRESTOP_CLOSER_INVALID`, `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`;
   * `ERR_PRESTOP_PHASE` when its phase has begun, and `ERR_PRESTOP_STOPPED`: it would never run
   */
  onClose(name: string, closer: Closer, options?: CloserOptions): () => void;

  /**
   * Holds work that is no request: a message of a queue, a job, a flush. The drain waits for it as for a request in flight,
   * and at the deadline it is cut: a loss, named in the report. New work is not kept away; {@link drainSignal} says when to
   * take none any more.
   *
   * The usual mistake: no `finally`. What is never released holds up the next termination until its deadline.
   *
   * @param name What the report calls it; need not be unique.
   * @returns a function that releases it; a second call of that does nothing.
   * @throws LifecycleError `ERR_PRESTOP_PHASE` when the drain is over and what the work needs is being closed;
   * `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`, `ERR_PRESTOP_STOPPED`
   */
  hold(name: string, options?: HoldOptions): () => void;

  /** Listens to an event. A listener that throws causes a warning and nothing else. @returns a function that ends it. */
  on<Name extends LifecycleEventName>(name: Name, listener: LifecycleListener<Name>): () => void;

  /**
   * The signals of one request, for handlers of streams and long polls. A request of a server that is not attached gets
   * a `drain` signal that it shares with others.
   */
  requestSignals(request: ServerRequest): RequestSignals;

  /**
   * The endpoints as a handler for a server of your own, which answers `false` for every other path.
   *
   * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`
   */
  handler(options?: EndpointHandlerOptions): EndpointHandler;

  /**
   * Declares a failure that only a restart can mend: `/livez` answers 503 from now on, in a worker that of its primary. Only
   * the first reason counts.
   */
  fail(reason: string): void;

  /** A snapshot. In a primary with workers it has the totals, with what each worker said when `/status` last asked. */
  status(): LifecycleStatus;

  /**
   * For tests: takes every listener, timer and socket of the lifecycle away, at once and without deregistering. The
   * attached servers are left as they are. Not a shutdown; that is {@link terminate}.
   */
  stop(): Promise<void>;
}
