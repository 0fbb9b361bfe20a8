import type { Trigger } from './events.ts';
import type { ResolvedOptions } from './lifecycle-options.ts';
import type { TerminationReport } from './report.ts';
import { Termination, type TerminationContext } from './termination.ts';
import type { WorkerGroup } from './workers-group.ts';
import type { WorkerLimits, WorkerTerms } from './workers-protocol.ts';
import type { PrimaryProgress } from './workers-steering.ts';

/** What every termination works on. */
export interface TerminationsContext extends Omit<TerminationContext, 'workers' | 'primary'> {
  /** In a primary: the workers that take part. */
  readonly workers: () => WorkerGroup | undefined;
}

/** What a lifecycle does at the turns of a termination. */
export interface TerminationTurns {
  /** Right before there is one. */
  readonly begins: () => void;
  /** No signal has followed for `waitedMs`: back to `ready`. The account is closed, and no termination runs any more. */
  readonly resumes: (termination: Termination, waitedMs: number) => Promise<void>;
  /** The rest of the sequence, to the end of the process. */
  readonly ends: (termination: Termination) => Promise<TerminationReport>;
}

/** Who called `/prestop`. */
interface HookCaller {
  readonly waiting: () => boolean;
}

/** The termination that runs, of which there is at most one: who begins it or joins it, and what follows it. */
export class Terminations {
  readonly #context: TerminationsContext;
  readonly #turns: TerminationTurns;
  /** Those who have not been answered. */
  readonly #hooks = new Set<HookCaller>();
  #running: Termination | undefined;
  #ending: Promise<TerminationReport> | undefined;
  #cancelResume: (() => void) | undefined;
  #stopped = false;

  constructor(context: TerminationsContext, turns: TerminationTurns) {
    this.#context = context;
    this.#turns = turns;
  }

  get running(): Termination | undefined {
    return this.#running;
  }

  /** Up to the answer of `/prestop`. If nothing follows it, the pod is not going away, and the service resumes. */
  async prestop(caller: HookCaller): Promise<TerminationReport> {
    const trigger: Trigger = { kind: 'prestop' };
    const running = this.#running;
    const termination = this.#begin(trigger);
    running?.join(trigger, false);
    this.#hooks.add(caller);
    try {
      await termination.drain();
    } finally {
      this.#hooks.delete(caller);
    }
    this.#awaitSignal(termination);
    return termination.report();
  }

  /** To the end of the process. */
  end(trigger: Trigger): Promise<TerminationReport> {
    this.cancelResume();
    const running = this.#running;
    const termination = this.#begin(trigger);
    if (running !== undefined) {
      // The kubelet ends its wait for a hook with a signal when the grace period is over, and without one when the hook
      // fails: a caller that still waits means that the time is up, one that went away does not.
      const hookWaits = trigger.kind === 'signal' && [...this.#hooks].some((caller) => caller.waiting());
      running.join(trigger, hookWaits && this.#ending === undefined);
    }
    return this.#toTheEnd(termination);
  }

  /** In a worker: as far as `drained`, on the terms of its primary; nothing follows by itself. */
  async drain(trigger: Trigger, terms: WorkerTerms, primary: PrimaryProgress): Promise<TerminationReport> {
    this.cancelResume();
    const { requestsMs, totalMs, ...rest } = terms;
    const termination = this.#begin(trigger, { ...rest, budgetMs: requestsMs, exitMs: totalMs }, primary);
    await termination.drain();
    return termination.report();
  }

  /** In a worker: the rest, to the end of the process, within what its primary leaves it. */
  close({ totalMs }: WorkerLimits): Promise<TerminationReport> {
    const termination = this.#begin({ kind: 'call' });
    termination.endWithin(totalMs);
    return this.#toTheEnd(termination);
  }

  /** In a worker: back to `ready` when it is drained, as its primary is. */
  async resume(waitedMs: number): Promise<void> {
    const termination = this.#running;
    if (termination === undefined) return;
    await termination.drain();
    if (this.#ending === undefined && !this.#stopped) await this.#resume(termination, waitedMs);
  }

  /** In a worker: takes no new connections and ends; nobody can send callers here any more. */
  retire(reason: string): void {
    if (this.#stopped || this.#ending) return;
    this.#context.connections.stopListening();
    const trigger: Trigger = { kind: 'call', detail: reason };
    const running = this.#running;
    const termination = this.#begin(trigger);
    // No callers to wait for, and no less time than before.
    const limits = { requestsMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY };
    (running ?? termination).join(trigger, true, limits);
    void this.#toTheEnd(termination);
  }

  /** Unless `/prestop` is answered again, no resume follows by itself. */
  cancelResume(): void {
    this.#cancelResume?.();
    this.#cancelResume = undefined;
  }

  /** Whoever owns the process has stopped it; nothing follows by itself any more. */
  stop(): void {
    this.#stopped = true;
    this.#running?.abandon('stopped');
  }

  /** The termination that runs, or a new one. */
  #begin(trigger: Trigger, terms: Partial<ResolvedOptions> = {}, primary?: PrimaryProgress): Termination {
    if (this.#running !== undefined) return this.#running;
    this.#turns.begins();
    const options = { ...this.#context.options, ...terms };
    this.#running = new Termination({ ...this.#context, options, workers: this.#context.workers(), primary }, trigger);
    return this.#running;
  }

  #toTheEnd(termination: Termination): Promise<TerminationReport> {
    this.#ending ??= this.#turns.ends(termination);
    return this.#ending;
  }

  /** `/prestop` was answered. */
  #awaitSignal(termination: Termination): void {
    if (this.#ending !== undefined || this.#running !== termination || this.#stopped) return;
    // Answered anew, waited for anew: the kubelet repeats a hook, and its signal follows the last answer.
    this.cancelResume();
    const { clock, options } = this.#context;
    const { resumeAfterMs } = options;
    this.#cancelResume = clock.after(resumeAfterMs, () => void this.#resume(termination, resumeAfterMs));
  }

  #resume(termination: Termination, waitedMs: number): Promise<void> {
    this.cancelResume();
    termination.abandon('resumed');
    this.#running = undefined;
    return this.#turns.resumes(termination, waitedMs);
  }
}
