import type { CallerTally, PodTimeline } from '@prestop/testkit';
import type { CaseName } from './cases/case.ts';
import type { LossCause } from './diagnosis.ts';
import type { FaultName, FaultOutcome } from './faults/fault.ts';
import type { LateTraffic, TrafficBucket } from './recorder.ts';

/** A phase of the service, as its own report tells it. Milliseconds after the beginning. */
export interface ServicePhase {
  readonly phase: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One pod that was stopped. */
export interface PodResult {
  readonly name: string;
  /** `host:port` */
  readonly target: string;
  /** When it began to be stopped, in milliseconds since the callers started; all other times of the pod count from here. */
  readonly beganAtMs: number;
  readonly timeline: PodTimeline;
  /** Absent: SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** When SIGKILL came, or would have come; absent where no signal was sent. */
  readonly lastMomentMs?: number;
  /** When it was gone from where callers look. */
  readonly delistedMs?: number;
  readonly late: LateTraffic;
  /** When it, or the container in its place, was ready again. */
  readonly readyAgainMs?: number;
  /** When it was back where callers look. */
  readonly listedAgainMs?: number;
  /** Requests that it answered after it was back. */
  readonly answeredAfterwards?: number;
  /** Empty for a service that logs no report. */
  readonly phases: readonly ServicePhase[];
  /** The SDK's own report, as the service logged it. */
  readonly report?: Readonly<Record<string, unknown>>;
}

export interface FaultResult {
  readonly name: FaultName;
  readonly pod: string;
  readonly outcomes: readonly FaultOutcome[];
}

/** `warn`: worth knowing, and no reason to fail. */
export type CheckOutcome = 'pass' | 'fail' | 'warn';

/** One thing that has to hold. */
export interface Check {
  /** Stable: `answered`, `in-time`, `fault:half-head`, … */
  readonly id: string;
  readonly title: string;
  readonly outcome: CheckOutcome;
  /** The figures behind it. */
  readonly detail: string;
  /** What to do about it; absent when it passed. */
  readonly remedy?: string;
}

/** `inconclusive`: nothing was lost, but the drill did not put it to the test. */
export type Verdict = 'passed' | 'failed' | 'inconclusive';

/** One case of one service. */
export interface CaseResult {
  readonly case: CaseName;
  readonly summary: string;
  readonly verdict: Verdict;
  /** Fingerprint of what the callers were to send, without the requests that were left out. */
  readonly schedule: string;
  readonly checks: readonly Check[];
  readonly pods: readonly PodResult[];
  readonly faults: readonly FaultResult[];
  /** Why requests were lost, the most frequent cause first. */
  readonly losses: readonly LossCause[];
  /** Its lost requests have their paths without the values of queries. */
  readonly tally: CallerTally;
  readonly traffic: { readonly bucketMs: number; readonly buckets: readonly TrafficBucket[] };
}

/** One command in all cases. */
export interface ServiceResult {
  /** `node server.js` */
  readonly title: string;
  readonly verdict: Verdict;
  /** What stood for its preStop hook: `GET /prestop`, `sleep 5 s`, `none`. */
  readonly hook: string;
  /** Requests found in documents that were not sent, and faults for which there is none, and why. */
  readonly leftOut: readonly string[];
  /** Cases that could not be run, and why. */
  readonly skipped: readonly SkippedCase[];
  readonly cases: readonly CaseResult[];
}

export interface SkippedCase {
  readonly case: CaseName;
  readonly why: string;
}
