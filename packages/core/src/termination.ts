import { settledWithin } from './clock.ts';
import type { CloserPhase, CloserResult } from './closers.ts';
import { CLOSED_LOOP_MS } from './connection.ts';
import { Deadline } from './deadline.ts';
import { ABORT_LEAD_MS, FAST_PATH } from './defaults.ts';
import { Deregistration } from './deregistration.ts';
import type { CutCause, Trigger } from './events.ts';
import type { ResolvedOptions } from './lifecycle-options.ts';
import type { Phase, PhaseMachine } from './phase.ts';
import { judgeQuiet, type QuietVerdict } from './quiet.ts';
import type { LameDuckEnd, TerminationOutcome, TerminationReport } from './report.ts';
import type { RegistryState } from './status.ts';
import { type AccountContext, TerminationAccount } from './termination-account.ts';
import { Ticks } from './ticks.ts';
import { workerLimits } from './workers-group.ts';
import type { WorkerLimits, WorkerTerms } from './workers-protocol.ts';
import type { PrimaryProgress } from './workers-steering.ts';

/** Longest wait for a probe or a hook call to be answered once everything else has ended, in milliseconds. */
const LAST_ANSWERS_MS = 500;
/**
 * How long a connection that was taken before the listener closed may take to bring its request, and what was on its way
 * to one that was ended to come, in milliseconds.
 */
const LAST_CALLERS_MS = 50;
/** Longest wait for the sockets that are destroyed at the end, in milliseconds. */
const FORCE_MS = 500;
const SECOND_SIGNAL = 'a second signal ended the process';

/** What a termination works on; all of it outlives a resumed one. */
export interface TerminationContext extends AccountContext {
  readonly options: ResolvedOptions;
  readonly random: () => number;
  readonly phases: PhaseMachine;
  /** In a worker whose primary terminates. */
  readonly primary?: PrimaryProgress | undefined;
}

/**
 * One run of the sequence of `docs/sequence.md`: {@link drain} up to the answer of `/prestop`, {@link close} up to the
 * end of the process. Every wait ends at one of two instants, the deadline of the requests and the end of the process.
 */
export class Termination {
  readonly trigger: Trigger;
  readonly startedAt: number;
  readonly #context: TerminationContext;
  readonly #account: TerminationAccount;
  /** Requests are cut here. */
  readonly #deadline: Deadline;
  /** The process has exited here. */
  #end: Deadline;
  readonly #deregistrations: readonly Deregistration[];
  readonly #registries = new AbortController();
  readonly #hurry = new AbortController();
  readonly #abandoned = new AbortController();
  readonly #ticks: Ticks;
  #lameDuckEnd: LameDuckEnd | null = null;
  #drainingSince = Number.POSITIVE_INFINITY;
  #lastVerdict: QuietVerdict = { quiet: false, silentMs: 0, windowMs: 0, basis: 'floor' };
  /** Whether closers of phase `draining` have not ended. */
  #drainersRun = false;
  #drained: Promise<void> | undefined;

  constructor(context: TerminationContext, trigger: Trigger) {
    const { clock, options, events, random } = context;
    this.#context = context;
    this.#account = new TerminationAccount(context, trigger);
    this.trigger = trigger;
    this.startedAt = this.#account.startedAt;
    this.#deadline = new Deadline(clock, this.startedAt + options.budgetMs);
    this.#end = new Deadline(clock, this.startedAt + options.exitMs);
    const { startedAt } = this;
    this.#ticks = new Ticks(clock, startedAt, this.#abandoned.signal);
    this.#deregistrations = options.registries.map(
      (adapter) => new Deregistration(adapter, { clock, events, random, startedAt, onRemoved: this.#onRemoved }),
    );
  }

  get endedByFastPath(): boolean {
    return this.#hurry.signal.aborted;
  }

  /** What is left until requests are cut, in milliseconds. */
  remainingMs(): number {
    return Math.round(this.#deadline.remaining());
  }

  /** What is left until the process must have ended, in milliseconds. */
  msToEnd(): number {
    return this.#end.remaining();
  }

  /** What is known of each registry at this moment. */
  registryStates(): [name: string, state: RegistryState][] {
    return this.#deregistrations.map(({ name, state }) => [name, state]);
  }

  phaseEntered(phase: Phase): void {
    this.#account.notePhase(phase);
  }

  /** A further trigger; `fastPath` when it says that the budget of the outside is used up, but for `limits`. */
  join(trigger: Trigger, fastPath: boolean, limits: WorkerLimits = FAST_PATH): void {
    const now = this.#context.clock.now();
    this.#account.noteJoined(trigger, now);
    if (fastPath) {
      this.#deadline.advanceTo(now + limits.requestsMs);
      this.#end.advanceTo(now + limits.totalMs);
      this.#hurry.abort();
      this.#context.workers?.hurry(trigger);
    } else if (this.#grantsTime(trigger) && this.#end.remaining() < FAST_PATH.totalMs) {
      this.#postponeEnd(now + FAST_PATH.totalMs);
    }
    this.#context.events.emit('joined', { trigger, fastPath });
  }

  /** What a worker is told of the time, whenever it is told. */
  terms(): WorkerTerms {
    const { terminationGracePeriodSeconds, floorMs, minDrainMs } = this.#context.options;
    return { terminationGracePeriodSeconds, floorMs, minDrainMs, ...workerLimits(this.#deadline, this.#end) };
  }

  /** In a worker: what its primary leaves it for the rest. */
  endWithin(totalMs: number): void {
    const at = this.#context.clock.now() + totalMs;
    this.#end.advanceTo(at);
    this.#postponeEnd(at);
  }

  #postponeEnd(at: number): void {
    if (this.#end.reached) this.#end = new Deadline(this.#context.clock, at);
    else this.#end.postponeTo(at);
  }

  /** However late a signal comes, the kubelet leaves 2 s after it; nothing else presses while the signal is waited for. */
  #grantsTime({ kind }: Trigger): boolean {
    const { current } = this.#context.phases;
    return kind === 'signal' || (kind !== 'prestop' && this.#account.outcome === 'drained' && current === 'draining');
  }

  /** From the first phase until everything in flight is answered, or cut at the deadline. Runs once; never rejects. */
  drain(): Promise<void> {
    this.#drained ??= this.#runDrain();
    return this.#drained;
  }

  async #runDrain(): Promise<void> {
    const { phases, connections, traffic, options, events, workers, primary } = this.#context;
    phases.moveTo('deregistering');
    events.emit('terminating', { trigger: this.trigger, budgetMs: options.budgetMs });
    connections.startTelling();
    workers?.terminate(this);
    // In a worker, the primary says when.
    if (this.#deregistrations.length === 0 && !primary) this.#noteLateFrom(this.startedAt);
    await this.#deregister();
    phases.moveTo('lame-duck');
    this.#lameDuckEnd = await this.#serveUntilQuiet();
    workers?.floorPassed(this.#isProven());
    this.#drainingSince = this.#context.clock.now();
    phases.moveTo('draining');
    traffic.abortForDrain();
    // Callers that never stop would keep requests in flight until the deadline cuts them: refusing is better.
    if (this.#lameDuckEnd === 'budget') connections.stopListening();
    if (this.#lameDuckEnd === 'fast-path') this.#account.noteShed(connections.sendAway('at-once'));
    this.#drainersRun = true;
    const drainers = this.#runClosers('draining', this.#deadline).then(() => {
      this.#drainersRun = false;
    });
    await this.#finishInFlight();
    await drainers;
    this.#account.noteDrained();
  }

  /** Listeners, closers, registries' clients: what comes after the signal. */
  async close(): Promise<void> {
    const { phases, connections, workers } = this.#context;
    phases.moveTo('closing');
    const workersEnded = workers?.close(this.#end);
    connections.stopListening();
    await this.#finishAll();
    this.#account.noteForced(await connections.force(Math.max(0, Math.min(FORCE_MS, this.#end.remaining()))));
    this.#noteCollisions();
    // Closers here may take away what workers still use.
    await workersEnded;
    await this.#goOn();
    await this.#runClosers('closing', this.#end);
    await this.#goOn();
    this.#registries.abort();
    await this.#closeRegistries();
    await this.#goOn();
    phases.moveTo('terminated');
    this.#finish(this.#account.conclusion());
  }

  async #runClosers(phase: CloserPhase, deadline: Deadline): Promise<void> {
    const { clock, closers, events } = this.#context;
    await closers.run(phase, {
      clock,
      deadline,
      onResult: this.#onCloserResult,
      onMisplaced: (message) => events.emit('warning', { code: 'CLOSER_ORDER', message }),
      abandoned: this.#abandoned.signal,
    });
  }

  readonly #onCloserResult = ({ name, outcome, ms, error }: CloserResult): void => {
    this.#context.events.emit('closed', { closer: name, outcome, ms, ...(error && { error }) });
  };

  /** Frees the registries' clients. The process ends whether they agree or not. */
  async #closeRegistries(): Promise<void> {
    const over = AbortSignal.any([this.#end.signal, this.#abandoned.signal]);
    await Promise.all(this.#deregistrations.map((deregistration) => deregistration.close(over)));
  }

  /** Ends the account without closing anything: the service goes on, or whoever owns the process has stopped it. */
  abandon(outcome: 'resumed' | 'stopped'): void {
    this.#leave();
    this.#finish(outcome);
  }

  /** The process ends at this instant: whatever is not finished is cut, and named. */
  cutShort(): void {
    const { clock, closers, workers } = this.#context;
    workers?.kill();
    this.#leave();
    this.#noteCollisions();
    this.#cutRest('second-signal');
    for (const result of closers.cut(clock.now(), SECOND_SIGNAL)) this.#onCloserResult(result);
    for (const deregistration of this.#deregistrations) deregistration.cutShort();
    this.#finish('second-signal');
  }

  #leave(): void {
    this.#registries.abort();
    this.#abandoned.abort();
  }

  /** Resolves when no removal from that registry is on its way any more; call {@link abandon} first. */
  async removalsEnded(registry: string): Promise<void> {
    await this.#deregistrations.find(({ name }) => name === registry)?.released();
  }

  report(): TerminationReport {
    const { terminationGracePeriodSeconds, floorMs } = this.#context.options;
    const { windowMs, basis } = this.#lastVerdict;
    return this.#account.report({
      budget: {
        terminationGracePeriodSeconds,
        deadlineMs: Math.round(this.#deadline.at - this.startedAt),
        fastPath: this.endedByFastPath,
      },
      registries: this.#deregistrations.map((deregistration) => deregistration.report()),
      lameDuck: { floorMs, endedBy: this.#lameDuckEnd, quietWindowMs: Math.round(windowMs), quietBasis: basis },
    });
  }

  readonly #onRemoved = (): void => {
    const removed = this.#deregistrations.map(({ removedAt }) => removedAt);
    if (removed.every((instant) => instant !== undefined)) this.#noteLateFrom(Math.max(...removed));
  };

  #noteLateFrom(instant: number): void {
    this.#context.traffic.lateFrom(instant);
    this.#context.workers?.removed();
  }

  async #deregister(): Promise<void> {
    const { clock, options, events } = this.#context;
    for (const deregistration of this.#deregistrations) void deregistration.run(this.#registries.signal);
    const settled = Promise.all(this.#deregistrations.map((deregistration) => deregistration.settled));
    const over = AbortSignal.any([this.#hurry.signal, this.#abandoned.signal]);
    await settledWithin(clock, options.deregistrationMs, settled, over);
    await this.#goOn();
    const afterMs = Math.round(clock.now() - this.startedAt);
    for (const deregistration of this.#deregistrations) {
      const { name, outcome } = deregistration.report();
      events.emit('deregistered', { registry: name, outcome, afterMs });
    }
  }

  async #serveUntilQuiet(): Promise<LameDuckEnd> {
    const { clock, connections, options, primary } = this.#context;
    const enteredAt = clock.now();
    for (;;) {
      connections.noteHalfHeads();
      if (this.#hurry.signal.aborted) return 'fast-path';
      if (this.#deadline.remaining() <= Math.max(options.minDrainMs, ABORT_LEAD_MS)) return 'budget';
      // Where nothing is proven, the floor counts from here, deregistration has been given all its time; and again from
      // when the instance was back, since every consumer may have seen it.
      const goneSince = this.#deregistrations.map(
        ({ goneSince, reappearedAt = enteredAt }) => goneSince ?? Math.max(enteredAt, reappearedAt),
      );
      const floorFrom = Math.max(this.startedAt, ...goneSince);
      const floorPassed = primary ? primary.floorPassed : clock.now() >= floorFrom + options.floorMs;
      if (this.#isQuiet() && floorPassed) return 'quiet';
      if (floorPassed) this.#account.noteShed(connections.sendAway('spread'));
      await this.#tick();
    }
  }

  /** Silence before the start counts only if every registry is known to send nobody any more. */
  #isQuiet(): boolean {
    const { clock, traffic, options } = this.#context;
    const { awakeSince, awakeSinceStart } = this.#ticks;
    this.#lastVerdict = judgeQuiet(
      {
        now: clock.now(),
        arrivals: traffic.arrivals(),
        lastAnswerAt: traffic.lastAnswerAt,
        creditFrom: this.#isProven() ? (awakeSince ?? Number.NEGATIVE_INFINITY) : awakeSinceStart,
      },
      options.quiet,
    );
    return this.#lastVerdict.quiet;
  }

  /** The beginning of a drain that began with quiet callers of which none has come since. */
  #nobodyCalledSince(): number | undefined {
    const { lastAt = Number.NEGATIVE_INFINITY } = this.#context.traffic.arrivals();
    return this.#lameDuckEnd === 'quiet' && lastAt <= this.#drainingSince ? this.#drainingSince : undefined;
  }

  /** Whether a caller in a closed loop would have come back after the last answer; the others were quiet before it. */
  #nobodyIsBack(): boolean {
    const { clock, traffic } = this.#context;
    return clock.now() >= traffic.lastAnswerAt + CLOSED_LOOP_MS;
  }

  #isProven(): boolean {
    if (this.#context.primary) return this.#context.primary.proven;
    return this.#deregistrations.length > 0 && this.#deregistrations.every(({ goneSince }) => goneSince !== undefined);
  }

  async #finishInFlight(): Promise<void> {
    const { connections, traffic, held, workers } = this.#context;
    await this.#until(() => {
      const quietSince = this.#nobodyCalledSince();
      const { closed, waiting } = connections.shed(this.#ticks.awakeSinceStart, quietSince);
      this.#account.noteShed(closed);
      const inHand = traffic.inFlight + connections.upgraded + held.count;
      if (inHand > 0 || this.#drainersRun || workers?.drained === false) return false;
      // Out of time: what is in hand is finished, nothing else is waited for.
      if (this.endedByFastPath) return true;
      if (waiting > 0 || closed > 0) return false;
      // Out of hope that the callers stop: they will not be quiet, but nobody can connect any more.
      if (this.#lameDuckEnd === 'budget') return true;
      return quietSince === undefined ? this.#isQuiet() : this.#nobodyIsBack();
    });
    this.#cutAll();
    await workers?.untilDrained(this.#end);
  }

  /** Ends every connection as soon as it is idle; probes, hook calls and callers of HTTP/2 hold that up for a moment only. */
  async #finishAll(): Promise<void> {
    const { clock, connections, traffic, held } = this.#context;
    let heardBy: number | undefined;
    let goneBy = Number.NEGATIVE_INFINITY;
    let lastAnswersBy: number | undefined;
    await this.#until(() => {
      const now = clock.now();
      // Who has connected before the listener closed is still to be heard.
      if (connections.accepts) return false;
      heardBy ??= now + LAST_CALLERS_MS;
      if (connections.mayCall > 0 && now < heardBy) return false;
      // What its caller has sent meanwhile is a collision, and to be seen before everything is destroyed.
      if (connections.endIdle() > 0) goneBy = now + LAST_CALLERS_MS;
      if (traffic.inFlight + connections.upgraded + held.count > 0) {
        lastAnswersBy = undefined;
        return false;
      }
      lastAnswersBy ??= now + LAST_ANSWERS_MS;
      return (traffic.allInFlight === 0 && connections.leaving === 0 && now >= goneBy) || now >= lastAnswersBy;
    });
    this.#cutAll();
  }

  /** Waits for `condition`, at most until the deadline; shortly before it, the requests are told. */
  async #until(condition: () => boolean): Promise<void> {
    const { traffic } = this.#context;
    let told = false;
    while (!condition() && !this.#deadline.reached) {
      if (!told && this.#deadline.remaining() <= ABORT_LEAD_MS) {
        traffic.abortForDeadline();
        told = true;
      }
      await this.#tick();
    }
  }

  /** At the deadline, what is still in flight; what had no chance any more, at any time. */
  #cutAll(): void {
    this.#noteCollisions();
    if (!this.#deadline.reached) return;
    this.#context.traffic.abortForDeadline();
    this.#cutRest('deadline');
  }

  #noteCollisions(): void {
    const { losses } = this.#account;
    for (const request of this.#context.connections.takeCollisions()) losses.noteRequest(request, 'collision');
  }

  #cutRest(cause: CutCause): void {
    const { connections, held } = this.#context;
    const { losses } = this.#account;
    const { requests, upgraded, destroyed } = connections.cut();
    this.#account.noteForced(destroyed);
    losses.noteUpgraded(upgraded);
    for (const request of requests) losses.noteRequest(request, cause);
    for (const work of held.cut()) losses.noteHeld(work);
  }

  #finish(outcome: TerminationOutcome): void {
    this.#account.noteEnd(outcome);
    this.#deadline.dispose();
    this.#end.dispose();
  }

  async #tick(): Promise<void> {
    await this.#ticks.next();
    await this.#goOn();
  }

  /** Does not come back once the account was ended: whoever ended it has taken over. */
  async #goOn(): Promise<void> {
    if (this.#abandoned.signal.aborted) await new Promise<never>(() => {});
  }
}
