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
export type { ConnectionCounts } from './http-connections.ts';
export { createLifecycle, type Lifecycle } from './lifecycle.ts';
export type { AdminOptions, LifecycleOptions, QuietOptions } from './lifecycle-options.ts';
export type { Logger } from './logger.ts';
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
export type { LifecycleStatus } from './status.ts';
export type { LateCaller, RequestSignals, ServerRequest } from './traffic.ts';
export { superviseWorkers, type WorkerSupervisor } from './workers.ts';
export { createWorkerLifecycle, type WorkerLifecycleOptions } from './workers-lifecycle.ts';
export type { WorkerOutcome, WorkerReport } from './workers-report.ts';
