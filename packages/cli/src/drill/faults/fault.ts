import type { CallerTls } from '@prestop/testkit';
import type { DrillPod } from '../pod.ts';
import type { DrillRequest } from '../requests/request-line.ts';

/** Things that happen to a service around its end, beside ordinary callers. */
export const FAULT_NAMES = [
  'silent-connection',
  'half-head',
  'pipelined',
  'slow-upload',
  'expect-continue',
  'open-stream',
  'deaf-caller',
  'aborting-caller',
  'frozen-process',
  'registry-outage',
] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

/** What a fault needs a request for. */
export type FaultRequest = 'any' | 'with-body' | 'stream' | 'none';

export interface Fault {
  readonly name: FaultName;
  /** One line. */
  readonly summary: string;
  readonly request: FaultRequest;
  /** Before the pod is stopped. @returns what happens then. */
  prepare(context: FaultContext): Promise<PreparedFault>;
}

export interface PreparedFault {
  /** Begins in the moment in which the pod begins to be stopped. Never rejects. */
  act(): Promise<readonly FaultOutcome[]>;
  /** Frees what is left. */
  end(): void;
}

export interface FaultContext {
  readonly pod: DrillPod;
  readonly tls: CallerTls | undefined;
  /** What to ask for; its headers are complete. */
  readonly request: DrillRequest;
  /** When callers that do not know yet may still act, in milliseconds after the beginning. */
  readonly timesMs: readonly number[];
  /** Longest that the pod may live after the beginning, in milliseconds. */
  readonly lifeMs: number;
  /** Directory of the file registry, if that is where callers look. */
  readonly registryDir: string | undefined;
  /** Milliseconds since the beginning; negative before it. */
  readonly elapsedMs: () => number;
  /** Resolves after that time, or when the drill is interrupted. */
  readonly pause: (ms: number) => Promise<void>;
  /** Resolves at that time after the beginning, or when the drill is interrupted. */
  readonly until: (atMs: number) => Promise<void>;
}

/** What became of one attempt. */
export interface FaultOutcome {
  /** Milliseconds after the beginning. */
  readonly atMs: number;
  readonly ok: boolean;
  /** What went wrong, or what there is to know. */
  readonly detail: string;
}
