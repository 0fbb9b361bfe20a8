export type { Closer, CloserContext, CloserOptions, CloserPhase } from './closers.ts';
export type { ConnectionKind } from './connection.ts';
export type { AttachableServer } from './connection-set.ts';
export { DEFAULTS } from './defaults.ts';
export {
  ENDPOINTS,
  type Endpoint,
  type EndpointHandler,
  type EndpointHandlerOptions,
  TOKEN_HEADER,
} from './endpoints.ts';
export {
  isLifecycleError,
  isRegistryError,
  LIFECYCLE_ERROR_CODES,
  LifecycleError,
  type LifecycleErrorCode,
  type LifecycleErrorDetails,
  REGISTRY_ERROR_BODY_LIMIT,
  REGISTRY_ERROR_KINDS,
  RegistryError,
  type RegistryErrorDetails,
  type RegistryErrorKind,
} from './errors.ts';
export {
  type CloserOutcome,
  type CutCause,
  EVENT_NAMES,
  type LifecycleEventName,
  type LifecycleEvents,
  type LifecycleListener,
  type Trigger,
  type TriggerKind,
  WARNING_CODES,
  type WarningCode,
} from './events.ts';
export type { CutWork, HoldOptions } from './held-work.ts';
export type { ConnectionCounts } from './http-connections.ts';
export { createLifecycle } from './lifecycle.ts';
export type { Lifecycle } from './lifecycle-interface.ts';
export type { AdminOptions, LifecycleOptions, QuietOptions } from './lifecycle-options.ts';
export type { Logger } from './logger.ts';
export { LONG_LIVED_POLICIES, type LongLivedOptions, type LongLivedPolicy } from './long-lived.ts';
export * as optionRules from './option-rules.ts';
export { PHASES, type Phase } from './phase.ts';
export type { QuietBasis } from './quiet.ts';
export type { RegistryAdapter, RegistryCallOptions, Sighting } from './registry.ts';
export {
  type CloserReport,
  type CutRequest,
  type DeregistrationOutcome,
  EXIT_CODES,
  type LameDuckEnd,
  type PhaseReport,
  type RegistryReport,
  type TerminationOutcome,
  type TerminationReport,
} from './report.ts';
export { type RequestHead, UNCOUNTED_USER_AGENTS } from './request-classifier.ts';
export { type EventStreamEndOptions, type EventStreamResponse, endEventStream } from './sse.ts';
export type { LifecycleStatus, RegistryState } from './status.ts';
export type { LateCaller, RequestSignals, ServerRequest } from './traffic.ts';
export {
  CLOSE_STATUSES,
  drainWebSockets,
  type WebSocketDrainOptions,
  type WebSocketServerLike,
} from './web-sockets.ts';
export type { WebSocketLike } from './web-sockets-drain.ts';
export { superviseWorkers, type WorkerSupervisor } from './workers.ts';
export { createWorkerLifecycle, type WorkerLifecycleOptions } from './workers-lifecycle.ts';
export type { WorkerOutcome, WorkerReport } from './workers-report.ts';
