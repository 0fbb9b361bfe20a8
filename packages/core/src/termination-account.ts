import type { Clock } from './clock.ts';
import type { Closers } from './closers.ts';
import type { ConnectionSet } from './connection-set.ts';
import type { EventHub, Trigger } from './events.ts';
import type { HeldWork } from './held-work.ts';
import type { ConnectionCounts } from './http-connections.ts';
import { CUT_LISTED, Losses } from './losses.ts';
import type { Phase } from './phase.ts';
import {
  EXIT_CODES,
  type PhaseReport,
  REPORT_VERSION,
  type TerminationOutcome,
  type TerminationReport,
} from './report.ts';
import type { Traffic } from './traffic.ts';
import type { WorkerGroup } from './workers-group.ts';
import { totalsWith, worstOutcome } from './workers-report.ts';

/** How many of the triggers that joined a report names; the others are only counted. */
const JOINED_LISTED = 20;

/** Whose figures are in the account. */
export interface AccountContext {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly traffic: Traffic;
  readonly connections: ConnectionSet;
  readonly closers: Closers;
  readonly held: HeldWork;
  /** In a primary: the workers that take part. */
  readonly workers?: WorkerGroup | undefined;
}

/** What the sequence knows of itself at the moment of a report. */
export type SequenceReport = Pick<TerminationReport, 'budget' | 'registries' | 'lameDuck'>;

/** What is told of one termination: what was there at its start, who joined it, what it lost and how it ended. */
export class TerminationAccount {
  readonly startedAt: number;
  readonly losses: Losses;
  readonly #context: AccountContext;
  readonly #trigger: Trigger;
  readonly #startedOn: Date;
  readonly #inFlightAtStart: number;
  readonly #answeredAtStart: number;
  readonly #heldAtStart: number;
  readonly #releasedAtStart: number;
  readonly #connectionsAtStart: ConnectionCounts;
  readonly #joined: (Trigger & { readonly atMs: number })[] = [];
  #joinedCount = 0;
  #faulted: boolean;
  readonly #phases: { phase: Phase; startedAt: number }[] = [];
  #shed = 0;
  #forced = 0;
  #outcome: TerminationOutcome = 'running';
  #exitCode: number | null = null;
  #endedAt: number | undefined;

  constructor(context: AccountContext, trigger: Trigger) {
    const { clock, events, traffic, connections, held } = context;
    this.#context = context;
    this.#trigger = trigger;
    this.#faulted = trigger.kind === 'fault';
    this.startedAt = clock.now();
    this.#startedOn = clock.date();
    this.losses = new Losses(clock, events);
    this.#inFlightAtStart = traffic.inFlight;
    this.#answeredAtStart = traffic.answered;
    this.#heldAtStart = held.count;
    this.#releasedAtStart = held.released;
    this.#connectionsAtStart = connections.counts();
  }

  get outcome(): TerminationOutcome {
    return this.#outcome;
  }

  /** The first signal is listed however many hooks came before it: it is what ends the process. */
  noteJoined(trigger: Trigger, at: number): void {
    this.#joinedCount += 1;
    if (trigger.kind === 'fault') this.#faulted = true;
    const isFirstSignal = trigger.kind === 'signal' && !this.#joined.some(({ kind }) => kind === 'signal');
    if (this.#joined.length >= JOINED_LISTED && !isFirstSignal) return;
    this.#joined.push({ ...trigger, atMs: this.#sinceStart(at) });
  }

  notePhase(phase: Phase): void {
    this.#phases.push({ phase, startedAt: this.#context.clock.now() });
  }

  /** Connections that were closed after they had been silent, or told to go. */
  noteShed(count: number): void {
    this.#shed += count;
  }

  /** Connections that were destroyed at the end. */
  noteForced(count: number): void {
    this.#forced += count;
  }

  /** Everything was finished; only the signal is missing. */
  noteDrained(): void {
    if (this.#outcome === 'running') this.#outcome = 'drained';
  }

  noteEnd(outcome: TerminationOutcome): void {
    this.#outcome = outcome;
    this.#exitCode = EXIT_CODE_OF[outcome] ?? null;
    this.#endedAt = this.#context.clock.now();
  }

  /** How a sequence that has run to its end went, here and in the workers. */
  conclusion(): TerminationOutcome {
    return worstOutcome(this.#ownConclusion(), this.#context.workers?.reports(this.startedAt) ?? []);
  }

  report({ budget, registries, lameDuck }: SequenceReport): TerminationReport {
    const { clock, traffic, held, closers } = this.#context;
    const { count, lastAfterMs, callers } = traffic.late();
    const workers = this.#context.workers?.reports(this.startedAt);
    const own = {
      requests: {
        inFlightAtStart: this.#inFlightAtStart,
        answered: traffic.answered - this.#answeredAtStart - this.losses.requests.cutCount,
        late: { count, lastAfterMs: Math.round(lastAfterMs), callers: callers.map(rounded) },
        ...this.losses.requests,
      },
      held: {
        atStart: this.#heldAtStart,
        released: held.released - this.#releasedAtStart,
        ...this.losses.held,
      },
      connections: { atStart: this.#connectionsAtStart, shed: this.#shed, forced: this.#forced },
    };
    return {
      version: REPORT_VERSION,
      pid: process.pid,
      startedAt: this.#startedOn.toISOString(),
      trigger: this.#trigger,
      joined: this.#joined,
      joinedCount: this.#joinedCount,
      outcome: this.#outcome,
      exitCode: this.#exitCode,
      totalMs: this.#sinceStart(this.#endedAt ?? clock.now()),
      budget,
      phases: this.#phaseReports(),
      registries,
      lameDuck,
      ...(workers ? totalsWith(own, workers, CUT_LISTED) : own),
      closers: closers.results().map(({ name, outcome, ms, error, counts }) => ({
        name,
        outcome,
        ms,
        error: error?.message ?? null,
        counts: counts ?? null,
      })),
      ...(workers && { workers }),
    };
  }

  #ownConclusion(): TerminationOutcome {
    if (this.#faulted) return 'fault';
    if (this.losses.any) return 'forced';
    return this.#context.closers.results().every(({ outcome }) => outcome === 'done') ? 'clean' : 'closer-failed';
  }

  #phaseReports(): PhaseReport[] {
    return this.#phases.map(({ phase, startedAt }, index) => {
      const endedAt = this.#phases[index + 1]?.startedAt ?? this.#endedAt;
      return {
        phase,
        startedAtMs: this.#sinceStart(startedAt),
        ms: endedAt === undefined ? null : Math.round(endedAt - startedAt),
      };
    });
  }

  #sinceStart(instant: number): number {
    return Math.round(instant - this.startedAt);
  }
}

const EXIT_CODE_OF: Partial<Record<TerminationOutcome, number>> = {
  clean: EXIT_CODES.clean,
  forced: EXIT_CODES.forced,
  'closer-failed': EXIT_CODES.closerFailed,
  'second-signal': EXIT_CODES.secondSignal,
  fault: EXIT_CODES.fault,
};

function rounded<Caller extends { readonly lastAfterMs: number }>(caller: Caller): Caller {
  return { ...caller, lastAfterMs: Math.round(caller.lastAfterMs) };
}
