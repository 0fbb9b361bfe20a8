import type { ConnectionKind } from './connection.ts';
import type { CloserOutcome, CutCause, Trigger } from './events.ts';
import type { CutWork } from './held-work.ts';
import type { Phase } from './phase.ts';
import type { QuietBasis } from './quiet.ts';
import type { LateCaller } from './traffic.ts';
import type { WorkerReport } from './workers-report.ts';

/** Version of the report's shape; the schema is `report.schema.json` beside this package. */
export const REPORT_VERSION = 1;

/**
 * How a registry's part ended. `confirmed`: removed, and read back as gone twice. `unconfirmed`: removed as far as the
 * registry said, not proven. `failed`: it could not be removed.
 */
export type DeregistrationOutcome = 'confirmed' | 'unconfirmed' | 'failed';

/** How the lame duck ended: the callers had stopped, its share of the budget was used up, or a fast path cut it short. */
export type LameDuckEnd = 'quiet' | 'budget' | 'fast-path';

/**
 * How the termination ended. `running` in a report that is asked for before the end; `drained` when everything was
 * finished and only the signal is missing.
 */
export type TerminationOutcome =
  | 'running'
  | 'drained'
  | 'clean'
  | 'forced'
  | 'closer-failed'
  | 'fault'
  | 'second-signal'
  | 'resumed'
  | 'stopped';

export interface PhaseReport {
  readonly phase: Phase;
  /** Milliseconds from the start of the termination. */
  readonly startedAtMs: number;
  /** How long the phase took, in milliseconds; `null` while it is running. */
  readonly ms: number | null;
}

export interface RegistryReport {
  readonly name: string;
  readonly outcome: DeregistrationOutcome;
  /** What the registry said: it removed the instance, or had none; `null` when it never agreed. */
  readonly answer: 'removed' | 'absent' | null;
  /** How often it was asked to remove the instance. */
  readonly attempts: number;
  /** Milliseconds from the start of the termination; `null` when it did not happen. */
  readonly removedAtMs: number | null;
  readonly confirmedAtMs: number | null;
  /** How often the instance was seen again after it had been removed. */
  readonly reappeared: number;
  /** The evidence: what reading back gave, by answer. */
  readonly reads: { readonly gone: number; readonly visible: number; readonly unknown: number };
  /** The last error, if any; `null` otherwise. */
  readonly error: string | null;
  /** Why its client could not be closed in the end; `null` when it was, or has not been tried. */
  readonly closeError: string | null;
}

export interface CutRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly ageMs: number;
  readonly cause: CutCause;
}

export interface CloserReport {
  readonly name: string;
  readonly outcome: CloserOutcome;
  readonly ms: number;
  readonly error: string | null;
  /** What it counted; `null` when it counts nothing. */
  readonly counts: Readonly<Record<string, number>> | null;
}

/** The machine-readable account of one termination. All times are milliseconds since it began. */
export interface TerminationReport {
  readonly version: typeof REPORT_VERSION;
  readonly pid: number;
  /** Wall time of the start, ISO 8601. */
  readonly startedAt: string;
  readonly trigger: Trigger;
  /** What joined later, in order: the first twenty, and the first signal. */
  readonly joined: readonly (Trigger & { readonly atMs: number })[];
  /** How many joined. */
  readonly joinedCount: number;
  readonly outcome: TerminationOutcome;
  /** `null` until the process is about to exit. */
  readonly exitCode: number | null;
  readonly totalMs: number;
  readonly budget: {
    readonly terminationGracePeriodSeconds: number;
    /** When requests are cut at the latest. */
    readonly deadlineMs: number;
    readonly fastPath: boolean;
  };
  readonly phases: readonly PhaseReport[];
  readonly registries: readonly RegistryReport[];
  readonly lameDuck: {
    readonly floorMs: number;
    /** `null` while it is running. */
    readonly endedBy: LameDuckEnd | null;
    /** The silence that was asked for in the end, and why it was that long. */
    readonly quietWindowMs: number;
    readonly quietBasis: QuietBasis;
  };
  readonly requests: {
    readonly inFlightAtStart: number;
    /** Answered since the start of the termination. */
    readonly answered: number;
    readonly late: {
      readonly count: number;
      readonly lastAfterMs: number;
      /** The first ten different callers. */
      readonly callers: readonly Readonly<LateCaller>[];
    };
    readonly cutCount: number;
    /** The first twenty. */
    readonly cut: readonly CutRequest[];
  };
  /** Work outside of requests. */
  readonly held: {
    readonly atStart: number;
    /** Released since the start of the termination. */
    readonly released: number;
    readonly cutCount: number;
    /** The first twenty. */
    readonly cut: readonly CutWork[];
  };
  readonly connections: {
    readonly atStart: Readonly<Partial<Record<ConnectionKind, number>>>;
    /** Closed after they had been silent; HTTP/2 sessions: told to go. */
    readonly shed: number;
    /** Destroyed at the end. */
    readonly forced: number;
  };
  readonly closers: readonly CloserReport[];
  /** In a primary: its workers; `requests` and `connections` above are then the totals. Absent in any other process. */
  readonly workers?: readonly WorkerReport[];
}

/** Exit codes of the process. Public contract: `docs/exit-codes.md`, counted by a test. */
export const EXIT_CODES = {
  clean: 0,
  /** Requests, handed over connections or held work were cut. */
  forced: 70,
  /** A closer failed or ran out of time; nothing was cut. */
  closerFailed: 71,
  /** A second signal ended the process at once. */
  secondSignal: 72,
  /** The trigger was an uncaught exception or rejection. */
  fault: 73,
} as const;

/** The part of a report that fits into a container's termination message. */
export function terminationMessage(report: TerminationReport): string {
  const { outcome, exitCode, totalMs, trigger, requests, held } = report;
  const registries = report.registries.map(({ name, outcome: ended }) => `${name}=${ended}`).join(' ');
  const failed = report.closers.filter((closer) => closer.outcome !== 'done').map((closer) => closer.name);
  const text = [
    `prestop: ${outcome} (exit ${exitCode}) after ${totalMs} ms, trigger ${trigger.kind} ${trigger.detail ?? ''}`.trim(),
    `registries: ${registries || 'none'}`,
    `requests: ${requests.late.count} late, ${requests.cutCount} cut`,
    ...(held.cutCount > 0 ? [`held work: ${held.cutCount} cut`] : []),
    ...(failed.length > 0 ? [`closers not done: ${failed.join(', ')}`] : []),
    ...requests.cut.map(({ method, path, ageMs, cause }) => `cut (${cause}): ${method} ${path} after ${ageMs} ms`),
    ...held.cut.map(({ name, ageMs }) => `cut: held work ${name} after ${ageMs} ms`),
  ].join('\n');
  // As a stream, so that a character that does not fit is left out and not replaced.
  return new TextDecoder().decode(Buffer.from(text).subarray(0, TERMINATION_MESSAGE_LIMIT), { stream: true });
}

/** The kubelet reads the last so many octets (MaxContainerTerminationMessageLength): more would hide the first line. */
const TERMINATION_MESSAGE_LIMIT = 4_096;
