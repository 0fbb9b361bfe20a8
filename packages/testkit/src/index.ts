export type { CallerRequest, CallerTls, ClientKind, Outcome } from './caller-client.ts';
export {
  type PlannedRequest,
  type PlanOptions,
  plannedRequests,
  type RequestContext,
  type RequestKind,
} from './caller-plan.ts';
export { type Callers, type CallersOptions, startCallers } from './callers.ts';
export { type SelfSigned, type SelfSignedOptions, selfSignedCertificate } from './certificate.ts';
export { TESTKIT_ERROR_CODES, TestkitError, type TestkitErrorCode } from './errors.ts';
export { freePort } from './free-port.ts';
export { type PodTimeline, type TerminatePodOptions, terminatePod } from './kubelet.ts';
export { effectiveGraceSeconds, secondsUntilKill } from './kubelet-arithmetic.ts';
export type { ExecHook, HookRecord, HttpGetHook, PreStopHook, SleepHook } from './kubelet-hook.ts';
export {
  type ProbeKind,
  type ProbeResult,
  type ProbeState,
  type Probes,
  type ProbesOptions,
  type ProbeTarget,
  startProbes,
} from './kubelet-probes.ts';
export {
  type CommandOptions,
  type Container,
  type OutputLine,
  type Service,
  type ServiceExit,
  type ServiceOptions,
  startCommand,
  startService,
} from './process.ts';
export { type Random, seededRandom, shuffled } from './random.ts';
export type { RawResponse } from './raw-response.ts';
export { type Pod, type RolledPod, type RolloutOptions, type RolloutResult, reportOf, rollOut } from './rollout.ts';
export { openRaw, type RawSocket, type RawSocketOptions, type ReadOptions } from './sockets.ts';
export type {
  CallerCounters,
  CallerTally,
  Latency,
  LostRequest,
  SentRequest,
  SettledRequest,
  TargetCounts,
} from './tally.ts';
export { type SendOptions, sendOnce } from './target-client.ts';
