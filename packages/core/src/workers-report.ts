import type { CutRequest, TerminationOutcome, TerminationReport } from './report.ts';
import { LATE_CALLERS_LIMIT, type LateCaller } from './traffic.ts';

/**
 * How a worker's part ended. `running`: it has not, yet. `ended`: by itself, with its report. `died`: by itself and
 * without one, whatever it had in flight is lost. `killed`: it did not end in its time. `unstarted`: it had no lifecycle
 * yet and served nobody.
 */
export type WorkerOutcome = 'running' | 'ended' | 'died' | 'killed' | 'unstarted';

/** One worker in the report of its primary. Times are milliseconds since the primary's termination began. */
export interface WorkerReport {
  /** `cluster.worker.id`, or the `threadId`. */
  readonly id: number;
  readonly kind: 'process' | 'thread';
  readonly pid: number;
  readonly outcome: WorkerOutcome;
  /** `null` while it runs, and when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** When it said that it was drained; `null` when it never did. */
  readonly drainedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** Why it failed, where it said so; `null` otherwise. */
  readonly error: string | null;
  /** The last report that it gave; `null` when it gave none. */
  readonly report: TerminationReport | null;
}

/** From the best to the worst that can be said of a termination that ran to its end. */
const SEVERITY: readonly TerminationOutcome[] = ['clean', 'closer-failed', 'forced', 'fault'];

/** The outcome of a termination with workers: the worst of all. */
export function worstOutcome(own: TerminationOutcome, workers: readonly WorkerReport[]): TerminationOutcome {
  return [own, ...workers.map(outcomeOf)].reduce((worst, outcome) =>
    SEVERITY.indexOf(outcome) > SEVERITY.indexOf(worst) ? outcome : worst,
  );
}

function outcomeOf({ outcome, report }: WorkerReport): TerminationOutcome {
  if (outcome === 'unstarted') return 'clean';
  // Nobody knows what a worker had in flight that ended without a word.
  return outcome === 'ended' && report !== null ? report.outcome : 'forced';
}

type Totals = Pick<TerminationReport, 'requests' | 'held' | 'connections'>;

/** The figures of a report: the primary's own and those of its workers, added up. */
export function totalsWith(own: Totals, workers: readonly WorkerReport[], cutListed: number): Totals {
  const all = [own, ...workers.flatMap(({ report }) => report ?? [])];
  const sum = (count: (part: Totals) => number): number => all.reduce((total, part) => total + count(part), 0);
  const cut: readonly CutRequest[] = all.flatMap(({ requests }) => requests.cut);
  const atStart: Record<string, number> = {};
  for (const { connections } of all) {
    for (const [kind, count] of Object.entries(connections.atStart)) atStart[kind] = (atStart[kind] ?? 0) + count;
  }
  return {
    requests: {
      inFlightAtStart: sum(({ requests }) => requests.inFlightAtStart),
      answered: sum(({ requests }) => requests.answered),
      late: {
        count: sum(({ requests }) => requests.late.count),
        lastAfterMs: Math.max(...all.map(({ requests }) => requests.late.lastAfterMs)),
        callers: sameCallers(all.flatMap(({ requests }) => requests.late.callers)).slice(0, LATE_CALLERS_LIMIT),
      },
      cutCount: sum(({ requests }) => requests.cutCount),
      cut: cut.slice(0, cutListed),
    },
    held: {
      atStart: sum(({ held }) => held.atStart),
      released: sum(({ held }) => held.released),
      cutCount: sum(({ held }) => held.cutCount),
      cut: all.flatMap(({ held }) => held.cut).slice(0, cutListed),
    },
    connections: {
      atStart,
      shed: sum(({ connections }) => connections.shed),
      forced: sum(({ connections }) => connections.forced),
    },
  };
}

/** One entry a caller, whichever workers it called. */
function sameCallers(callers: readonly Readonly<LateCaller>[]): LateCaller[] {
  const merged = new Map<string, LateCaller>();
  for (const caller of callers) {
    const key = `${caller.remoteAddress} ${caller.userAgent} ${caller.path}`;
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...caller });
    else {
      known.count += caller.count;
      known.lastAfterMs = Math.max(known.lastAfterMs, caller.lastAfterMs);
    }
  }
  return [...merged.values()];
}
