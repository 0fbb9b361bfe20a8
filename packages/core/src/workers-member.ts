import type { TerminationReport } from './report.ts';
import type { LifecycleStatus } from './status.ts';
import type { WorkerExit, WorkerLink } from './workers-link.ts';
import type { WorkerOutcome, WorkerReport } from './workers-report.ts';

/** What a primary knows of one worker. */
export class WorkerMember {
  readonly link: WorkerLink;
  /** Whether it has said that it has a lifecycle. */
  greeted = false;
  /** Whether its servers listen. */
  ready = false;
  /** What it declared with `fail()`. */
  failure: string | null = null;
  /** What it said of itself last, and in which round of questions. */
  status: LifecycleStatus | undefined;
  round = 0;
  drainedAt: number | undefined;
  endedAt: number | undefined;
  exit: WorkerExit | undefined;
  /** Whether it gave its last report. */
  said = false;
  report: TerminationReport | null = null;
  error: string | null = null;
  #killed = false;

  constructor(link: WorkerLink) {
    this.link = link;
  }

  get running(): boolean {
    return this.exit === undefined;
  }

  /** Whether nothing of it has to be waited for before the primary may close. */
  get drained(): boolean {
    return !this.running || !this.greeted || this.drainedAt !== undefined;
  }

  kill(): void {
    if (!this.running) return;
    this.#killed = true;
    this.link.kill();
  }

  /** Forgets the termination that was resumed. */
  reset(): void {
    this.ready = false;
    this.drainedAt = undefined;
    this.report = null;
    this.error = null;
  }

  toReport(startedAt: number): WorkerReport {
    const { link, exit, report, error } = this;
    const since = (at: number | undefined): number | null => (at === undefined ? null : Math.round(at - startedAt));
    return {
      id: link.id,
      kind: link.kind,
      pid: link.pid,
      outcome: this.#outcome(),
      exitCode: exit?.code ?? null,
      signal: exit?.signal ?? null,
      drainedAtMs: since(this.drainedAt),
      endedAtMs: since(this.endedAt),
      error,
      report,
    };
  }

  #outcome(): WorkerOutcome {
    if (this.running && !this.#killed) return 'running';
    if (this.said) return 'ended';
    if (!this.greeted) return 'unstarted';
    return this.#killed ? 'killed' : 'died';
  }
}
