import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
import { messageOf } from './errors.ts';
import type { Trigger } from './events.ts';
import type { LifecycleStatus } from './status.ts';
import type { WorkerExit, WorkerLink } from './workers-link.ts';
import { WorkerMember } from './workers-member.ts';
import type { PrimaryMessage, WorkerLimits, WorkerMessage, WorkerTerms } from './workers-protocol.ts';
import type { WorkerReport } from './workers-report.ts';

/** What a termination tells its workers, asked for whenever one is told. */
export interface Course {
  readonly trigger: Trigger;
  /** On the clock's scale. */
  readonly startedAt: number;
  terms(): WorkerTerms;
}

/** Shares of what is left after the requests: the workers' closers, then the primary's. */
const WORKERS_SHARE = 0.6;
/** Share of what is left to the primary then, in which it still waits for workers that should have ended. */
const KILL_SHARE = 0.4;
/** How long before the primary's deadline workers cut, so that what they have to say about it is here by then. */
const LEAD_MS = 100;
const LEAD_SHARE = 0.1;
/** How long after the deadline a worker may still say what it cut, in milliseconds. */
const ANSWER_MS = 500;
const ANSWER_SHARE = 0.25;
/** Longest wait for a killed worker to be gone, in milliseconds. */
const KILLED_MS = 200;
/** Longest wait for what workers say of themselves, in milliseconds; of one that says nothing the last is taken. */
const STATUS_MS = 250;

/** What workers are given of the time that is left; the primary needs some of it after them. */
export function workerLimits(deadline: Deadline, end: Deadline): WorkerLimits {
  const remaining = deadline.remaining();
  return {
    requestsMs: remaining - Math.min(LEAD_MS, remaining * LEAD_SHARE),
    totalMs: remaining + WORKERS_SHARE * Math.max(0, end.remaining() - remaining),
  };
}

/** A fault of the primary is none of its workers. */
function forWorkers(trigger: Trigger): Trigger {
  const { kind, detail = '' } = trigger;
  return kind === 'fault' ? { kind: 'call', detail: `fault of the primary: ${detail}` } : trigger;
}

/** The workers of a primary, as its lifecycle sees them: told together, waited for together, never for ever. */
export class WorkerGroup {
  readonly #clock: Clock;
  readonly #signals: readonly NodeJS.Signals[];
  readonly #members = new Set<WorkerMember>();
  readonly #releases = new Map<WorkerMember, (() => void)[]>();
  readonly #waiters = new Set<() => void>();
  #run = 0;
  #course: Course | undefined;
  #removed = false;
  #floor: { readonly proven: boolean } | undefined;
  #hurriedBy: Trigger | undefined;
  #closing = false;
  #round = 0;
  #answeredByEnded = 0;

  constructor(clock: Clock, signals: readonly NodeJS.Signals[]) {
    this.#clock = clock;
    this.#signals = signals;
  }

  /** Whether the pod can serve: some worker's servers listen. */
  get serving(): boolean {
    return this.#running().some(({ ready }) => ready);
  }

  /** What some worker that runs declared with `fail()`; a worker that replaces it mends that. */
  get failure(): string | undefined {
    const failed = this.#running().find(({ failure }) => failure !== null);
    return failed && `worker ${failed.link.id}: ${failed.failure}`;
  }

  /** What the workers that run said of themselves last. */
  get statuses(): LifecycleStatus[] {
    return this.#running().flatMap(({ status }) => status ?? []);
  }

  /** Requests that workers said they had answered, and that have ended since. */
  get answeredByEnded(): number {
    return this.#answeredByEnded;
  }

  /** Asks all workers how they are; see {@link statuses}. */
  async ask(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    this.#send({ type: 'ask', round });
    const waitsFor = ({ greeted, round: last }: WorkerMember): boolean => greeted && last < round;
    await this.#until(() => !this.#running().some(waitsFor), STATUS_MS);
  }

  /** Whether every worker has answered, or cannot any more. */
  get drained(): boolean {
    return [...this.#members].every((member) => member.drained);
  }

  add(link: WorkerLink): void {
    if (this.#closing) {
      // It has run no line of its code: there is nothing to lose and nothing to report.
      link.kill();
      return;
    }
    // A worker that is forked in the turn in which `cluster` is given is met twice.
    if (this.#running().some(({ link: known }) => known.kind === link.kind && known.id === link.id)) return;
    const member = new WorkerMember(link);
    this.#members.add(member);
    const release = link.listen({
      message: (message) => this.#onMessage(member, message),
      ended: (exit) => this.#onEnded(member, exit),
    });
    this.#releases.set(member, [release]);
    if (this.#course) this.#takeErrors(member);
    link.send({ type: 'welcome', signals: this.#signals });
    this.#wake();
  }

  /** Resolves when there are workers and the servers of each listen, or `signal` aborts. */
  untilReady(signal: AbortSignal): Promise<void> {
    const ready = (): boolean => this.#running().length > 0 && this.#running().every((member) => member.ready);
    return this.#until(ready, Number.POSITIVE_INFINITY, signal);
  }

  /** t0. Workers that come later, or that greet later, are told then. */
  terminate(course: Course): void {
    this.#run += 1;
    this.#course = course;
    for (const member of this.#members) {
      this.#takeErrors(member);
      if (member.greeted) this.#tell(member);
    }
  }

  removed(): void {
    this.#removed = true;
    this.#send({ type: 'removed' });
  }

  floorPassed(proven: boolean): void {
    this.#floor = { proven };
    this.#send({ type: 'floor-passed', proven });
  }

  hurry(trigger: Trigger): void {
    const course = this.#course;
    if (course === undefined) return;
    this.#hurriedBy = trigger;
    this.#send({ type: 'hurry', trigger, limits: course.terms() });
  }

  /** At the deadline: what workers have to say about it is under way. */
  async untilDrained(end: Deadline): Promise<void> {
    await this.#until(() => this.drained, Math.min(ANSWER_MS, end.remaining() * ANSWER_SHARE));
  }

  /** Has all of them close and end. Who does not is killed, soon if it had not even answered before the deadline. */
  async close(end: Deadline): Promise<void> {
    const course = this.#course;
    if (course === undefined) return;
    this.#closing = true;
    const limits = course.terms();
    for (const member of this.#running()) {
      if (member.greeted) member.link.send({ type: 'close', limits });
      else member.kill();
    }
    const killMs = limits.totalMs + (end.remaining() - limits.totalMs) * KILL_SHARE;
    const killAt = this.#clock.now() + killMs;
    await this.#until(() => this.drained, Math.min(ANSWER_MS, killMs));
    for (const member of this.#members) if (!member.drained) member.kill();
    const ended = (): boolean => this.#running().length === 0;
    await this.#until(ended, killAt - this.#clock.now());
    this.kill();
    await this.#until(ended, Math.min(KILLED_MS, end.remaining()));
  }

  /** At once, whatever they are doing. */
  kill(): void {
    this.#closing = true;
    for (const member of this.#members) member.kill();
  }

  /** The termination is over, and nothing happened. */
  resume(waitedMs: number): void {
    this.#send({ type: 'resume', waitedMs });
    this.#course = undefined;
    this.#removed = false;
    this.#floor = undefined;
    this.#hurriedBy = undefined;
    for (const member of this.#members) {
      if (!member.running) this.#forget(member);
      else {
        // It was given until the deadline, and would keep the service from being ready again.
        if (!member.drained) member.kill();
        member.reset();
        this.#leaveErrors(member);
      }
    }
  }

  reports(startedAt: number): readonly WorkerReport[] {
    return [...this.#members].map((member) => member.toReport(startedAt));
  }

  dispose(): void {
    for (const member of this.#members) this.#forget(member);
    this.#wake();
  }

  #onMessage(member: WorkerMember, message: WorkerMessage): void {
    switch (message.type) {
      case 'hello': {
        const isNew = !member.greeted;
        member.greeted = true;
        member.ready = message.ready;
        member.failure = message.failure;
        if (isNew && this.#course) this.#tell(member);
        break;
      }
      case 'status':
        member.status = message.status;
        member.round = message.round;
        break;
      case 'drained':
        if (message.run !== this.#run || this.#course === undefined) return;
        member.drainedAt ??= this.#clock.now();
        member.report = message.report;
        break;
      case 'ended':
        member.said = true;
        member.report = message.report;
        break;
    }
    this.#wake();
  }

  #onEnded(member: WorkerMember, exit: WorkerExit): void {
    member.exit = exit;
    member.endedAt = this.#clock.now();
    this.#answeredByEnded += member.status?.answered ?? 0;
    // Outside of a termination its end is the application's business.
    if (this.#course === undefined) this.#forget(member);
    this.#wake();
  }

  /** Everything that a termination has told its workers so far. */
  #tell({ link }: WorkerMember): void {
    const course = this.#course;
    if (course === undefined) return;
    link.send({ type: 'terminate', run: this.#run, trigger: forWorkers(course.trigger), terms: course.terms() });
    if (this.#removed) link.send({ type: 'removed' });
    if (this.#floor) link.send({ type: 'floor-passed', ...this.#floor });
    if (this.#hurriedBy) link.send({ type: 'hurry', trigger: this.#hurriedBy, limits: course.terms() });
  }

  #send(message: PrimaryMessage): void {
    for (const { greeted, link } of this.#running()) if (greeted) link.send(message);
  }

  #running(): WorkerMember[] {
    return [...this.#members].filter(({ running }) => running);
  }

  /** A worker that fails while the service ends is an entry in the report; it must not take the primary with it. */
  #takeErrors(member: WorkerMember): void {
    this.#releases.get(member)?.push(
      member.link.takeErrors((error) => {
        member.error = messageOf(error);
      }),
    );
  }

  #leaveErrors(member: WorkerMember): void {
    for (const release of this.#releases.get(member)?.splice(1) ?? []) release();
  }

  #forget(member: WorkerMember): void {
    for (const release of this.#releases.get(member) ?? []) release();
    this.#releases.delete(member);
    this.#members.delete(member);
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }

  #until(condition: () => boolean, atMostMs: number, signal?: AbortSignal): Promise<void> {
    if (condition() || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(look);
        cancel?.();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const look = (): void => {
        if (condition()) done();
      };
      const cancel = Number.isFinite(atMostMs) ? this.#clock.after(atMostMs, done) : undefined;
      this.#waiters.add(look);
      signal?.addEventListener('abort', done);
    });
  }
}
