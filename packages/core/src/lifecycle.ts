import { existsSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdminServer } from './admin-server.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Closer, type CloserOptions, Closers } from './closers.ts';
import { type AttachableServer, ConnectionSet } from './connection-set.ts';
import { type Deferred, deferred } from './deferred.ts';
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointHandler,
  type EndpointHandlerOptions,
  endpointHandler,
} from './endpoints.ts';
import { LifecycleError, messageOf } from './errors.ts';
import { EventHub, type LifecycleEventName, type LifecycleListener, type Trigger } from './events.ts';
import { HeldWork, type HoldOptions } from './held-work.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import { ADMIN_RULES, type LifecycleOptions, type ResolvedOptions, resolveOptions } from './lifecycle-options.ts';
import { jsonLogger, logEvents } from './logger.ts';
import { checkOptions, listOf, type OptionRules, oneOf } from './option-rules.ts';
import { parentWarnings, readParent } from './parent-process.ts';
import { type Phase, PhaseMachine } from './phase.ts';
import { Registrations } from './registrations.ts';
import { closeRegistry } from './registry-call.ts';
import { type TerminationReport, terminationMessage } from './report.ts';
import { createClassifier, type RequestClassifier } from './request-classifier.ts';
import { listenForSignals, type SignalSource } from './signals.ts';
import type { LifecycleStatus } from './status.ts';
import { Termination } from './termination.ts';
import { type RequestSignals, type ServerRequest, Traffic } from './traffic.ts';
import { WorkerGroup } from './workers-group.ts';
import type { WorkerTerms } from './workers-protocol.ts';
import { statusWith } from './workers-status.ts';
import { type PrimaryProgress, STEERING, type SteeredLifecycle, type Steering } from './workers-steering.ts';

/** What a lifecycle takes from its surroundings; tests bring their own. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: SignalSource;
  readonly exit: (code: number) => void;
}

/**
 * The beginning of everything: checks the options and makes a lifecycle. Nothing is opened, read or listened to yet;
 * that happens in {@link Lifecycle.attach} or {@link Lifecycle.start}.
 *
 * The usual mistake: a `terminationGracePeriodSeconds` here that is not the number in the manifest. Nothing tells a
 * process what its pod was given, so the two must be written as one.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`, `ERR_PRESTOP_OPTION_CONFLICT`
 */
export function createLifecycle(options: LifecycleOptions = {}): Lifecycle {
  return createLifecycleIn(options, {
    clock: systemClock,
    random: Math.random,
    signals: process,
    exit: (code) => process.exit(code),
  });
}

/** {@link createLifecycle} in surroundings of the caller's choice. Not part of the public interface. */
export function createLifecycleIn(options: LifecycleOptions, surroundings: Surroundings): SteeredLifecycle {
  return new ServiceLifecycle(resolveOptions(options), surroundings);
}

const HANDLER_RULES: OptionRules<EndpointHandlerOptions> = {
  expose: listOf(oneOf(...ENDPOINTS)),
  token: ADMIN_RULES.token,
};

/** Longest wait for the answers to `/prestop` to leave before the process exits, in milliseconds. */
const FLUSH_MS = 250;

class ServiceLifecycle implements SteeredLifecycle {
  readonly #options: ResolvedOptions;
  readonly #surroundings: Surroundings;
  readonly #events = new EventHub();
  readonly #phases: PhaseMachine;
  readonly #traffic: Traffic;
  readonly #connections: ConnectionSet;
  readonly #closers = new Closers();
  readonly #held: HeldWork;
  readonly #admin: AdminServer | undefined;
  readonly #registrations: Registrations;
  /** Those who called `/prestop` and have not been answered. */
  readonly #hooks = new Set<{ readonly waiting: () => boolean }>();
  readonly #readyWaiters = new Set<Deferred>();
  readonly #release: (() => void)[] = [];
  readonly #releaseOnStop: (() => void)[] = [];
  #workers: WorkerGroup | undefined;
  #drain = new AbortController();
  #registering = new AbortController();
  #started: Promise<void> | undefined;
  #termination: Termination | undefined;
  #ending: Promise<TerminationReport> | undefined;
  #cancelResume: (() => void) | undefined;
  #phaseSince: number;
  #signalled = false;
  readonly #stopping = deferred();
  #stopped = false;
  #failure: string | undefined;

  constructor(options: ResolvedOptions, surroundings: Surroundings) {
    const { clock } = surroundings;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#phaseSince = clock.now();
    this.#phases = new PhaseMachine(clock, ({ from, to, at }) => {
      this.#termination?.phaseEntered(to);
      if (to === 'draining') this.#drain.abort(new DOMException('the service is draining', 'AbortError'));
      this.#events.emit('phase', { from, to, afterMs: Math.round(at - this.#phaseSince) });
      this.#phaseSince = at;
    });
    this.#traffic = new Traffic({
      clock,
      classifier: this.#classifier(),
      onLate: (late) => this.#events.emit('lateRequest', late),
    });
    this.#held = new HeldWork(clock, () => this.#resolveReadyWaiters());
    const { random } = surroundings;
    this.#registrations = new Registrations(options.registries, { clock, random, events: this.#events }, () =>
      this.#resolveReadyWaiters(),
    );
    this.#connections = new ConnectionSet({
      traffic: this.#traffic,
      clock,
      longLived: options.longLived,
    });
    if (options.admin) this.#admin = new AdminServer(options.admin, this.#endpoints({ token: options.admin.token }));
    if (options.logger !== false) logEvents(this.#events, options.logger ?? jsonLogger(clock));
  }

  get phase(): Phase {
    return this.#phases.current;
  }

  get drainSignal(): AbortSignal {
    return this.#drain.signal;
  }

  get adminAddress(): AddressInfo | undefined {
    return this.#admin?.address;
  }

  attach<Server extends AttachableServer>(server: Server): Server {
    this.#refuseWhenStopped('attach');
    this.#connections.attach(server);
    this.#startAfterThisTurn();
    return server;
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async terminate(trigger: Trigger = { kind: 'call' }): Promise<TerminationReport> {
    this.#refuseWhenStopped('terminate');
    const report = trigger.kind === 'prestop' ? this.#prestop({ waiting: () => true }) : this.#end(trigger);
    const termination = this.#termination;
    const stopped = this.#stopping.promise.then(() => termination?.report());
    return (await Promise.race([report, stopped])) ?? report;
  }

  onClose(name: string, closer: Closer, options?: CloserOptions): () => void {
    this.#refuseWhenStopped('onClose');
    return this.#closers.add(name, closer, options);
  }

  hold(name: string, options?: HoldOptions): () => void {
    this.#refuseWhenStopped('hold');
    if (this.phase === 'closing' || this.phase === 'terminated') {
      const message = `hold: "${name}" comes too late, the drain is over (phase "${this.phase}")`;
      throw new LifecycleError('ERR_PRESTOP_PHASE', message, { value: this.phase });
    }
    return this.#held.hold(name, options);
  }

  on<Name extends LifecycleEventName>(name: Name, listener: LifecycleListener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  requestSignals(request: ServerRequest): RequestSignals {
    return this.#traffic.signalsOf(request) ?? { drain: this.#drain.signal, deadline: new AbortController().signal };
  }

  handler(options: EndpointHandlerOptions = {}): EndpointHandler {
    checkOptions<EndpointHandlerOptions>('handler', options, HANDLER_RULES);
    return this.#endpoints(options);
  }

  fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#events.emit('failed', { reason });
  }

  status(): LifecycleStatus {
    const own: LifecycleStatus = {
      phase: this.phase,
      ready: this.#isReady(),
      live: this.#failed() === undefined,
      inFlight: this.#traffic.inFlight,
      answered: this.#traffic.answered,
      late: this.#traffic.late().count,
      held: this.#held.count,
      connections: this.#connections.counts(),
      registries: Object.fromEntries(this.#termination?.registryStates() ?? this.#registrations.states()),
      remainingMs: this.#termination?.remainingMs() ?? null,
    };
    const workers = this.#workers;
    return workers ? statusWith(own, workers.statuses, workers.answeredByEnded) : own;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopping.resolve();
    this.#registering.abort();
    this.#termination?.abandon('stopped');
    this.#workers?.dispose();
    for (const release of this.#releaseOnStop.splice(0)) release();
    this.#tidyUp();
    this.#rejectReadyWaiters('the lifecycle was stopped');
    const context = { clock: this.#surroundings.clock, events: this.#events };
    await Promise.all(this.#options.registries.map((adapter) => closeRegistry(adapter, context)));
    this.#events.clear();
  }

  /** How the modules for workers move this lifecycle; see {@link Steering}. */
  get [STEERING](): Steering {
    return {
      workers: () => this.#superviseWorkers(),
      drain: (trigger, terms, primary) => this.#drainFor(trigger, terms, primary),
      removed: () => this.#traffic.lateFrom(this.#surroundings.clock.now()),
      hurry: (trigger, limits) => this.#termination?.join(trigger, true, limits),
      close: ({ totalMs }) => {
        const termination = this.#begin({ kind: 'call' });
        termination.endWithin(totalMs);
        this.#ending ??= this.#runToTheEnd(termination);
        return this.#ending;
      },
      resume: (waitedMs) => this.#resumeFor(waitedMs),
      retire: (reason) => {
        if (this.#stopped || this.#ending) return;
        this.#connections.stopListening();
        const trigger: Trigger = { kind: 'call', detail: reason };
        const running = this.#termination;
        const termination = this.#begin(trigger);
        // No callers to wait for, and no less time than before.
        const limits = { requestsMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY };
        (running ?? termination).join(trigger, true, limits);
        this.#ending = this.#runToTheEnd(termination);
      },
      onStop: (release) => void this.#releaseOnStop.push(release),
    };
  }

  #superviseWorkers(): WorkerGroup {
    this.#refuseWhenStopped('superviseWorkers');
    this.#workers ??= new WorkerGroup(this.#surroundings.clock, this.#options.signals);
    this.#startAfterThisTurn();
    return this.#workers;
  }

  async #drainFor(trigger: Trigger, terms: WorkerTerms, primary: PrimaryProgress): Promise<TerminationReport> {
    this.#cancelResume?.();
    const { requestsMs, totalMs, ...rest } = terms;
    const termination = this.#begin(trigger, { ...rest, budgetMs: requestsMs, exitMs: totalMs }, primary);
    await termination.drain();
    return termination.report();
  }

  async #resumeFor(waitedMs: number): Promise<void> {
    const termination = this.#termination;
    if (termination === undefined) return;
    await termination.drain();
    if (this.#ending === undefined && !this.#stopped) await this.#resume(termination, waitedMs);
  }

  /** So that servers, workers and closers that follow in the same turn belong to the start. */
  #startAfterThisTurn(): void {
    if (this.#options.start !== 'listening' || this.#started !== undefined) return;
    queueMicrotask(() => void this.#startByItself());
  }

  async #startByItself(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      // As with a server that cannot listen: nobody waits for this promise, and nothing may be silent.
      if (!this.#stopped) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  async #start(): Promise<void> {
    this.#refuseWhenStopped('start');
    const { signals } = this.#surroundings;
    try {
      this.#closers.check();
      this.#release.push(listenForSignals(signals, this.#options.signals, this.#onSignal));
      if (this.#options.faults === 'terminate') this.#release.push(this.#listenForFaults());
      for (const warning of parentWarnings(readParent())) this.#events.emit('warning', warning);
      await this.#admin?.listen();
    } catch (error) {
      this.#tidyUp();
      this.#events.emit('startFailed', { error: error as Error });
      throw error;
    }
    await this.#untilServersListen();
    await this.#workers?.untilReady(this.#registering.signal);
    await this.#registrations.registerAll(this.#registering.signal);
    if (this.phase === 'starting' && !this.#stopped) this.#phases.moveTo('ready');
    this.#resolveReadyWaiters();
  }

  async #untilServersListen(): Promise<void> {
    for (const server of this.#connections.servers) {
      if (server.listening) continue;
      await untilListening(server, this.#registering.signal);
    }
  }

  /** The termination that runs, or a new one. */
  #begin(trigger: Trigger, terms: Partial<ResolvedOptions> = {}, primary?: PrimaryProgress): Termination {
    if (this.#termination !== undefined) return this.#termination;
    this.#registering.abort();
    this.#rejectReadyWaiters('the service is terminating');
    this.#termination = new Termination(
      {
        options: { ...this.#options, ...terms },
        clock: this.#surroundings.clock,
        random: this.#surroundings.random,
        events: this.#events,
        phases: this.#phases,
        traffic: this.#traffic,
        connections: this.#connections,
        closers: this.#closers,
        held: this.#held,
        workers: this.#workers,
        primary,
      },
      trigger,
    );
    return this.#termination;
  }

  async #prestop(caller: { readonly waiting: () => boolean }): Promise<TerminationReport> {
    this.#refuseWhenStopped('prestop');
    const trigger: Trigger = { kind: 'prestop' };
    const running = this.#termination;
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

  /** The rest of the sequence, to the end of the process. */
  #end(trigger: Trigger): Promise<TerminationReport> {
    this.#cancelResume?.();
    const running = this.#termination;
    const termination = this.#begin(trigger);
    if (running !== undefined) {
      // The kubelet ends its wait for a hook with a signal when the grace period is over, and without one when the hook
      // fails: a caller that still waits means that the time is up, one that went away does not.
      const hookWaits = trigger.kind === 'signal' && [...this.#hooks].some((caller) => caller.waiting());
      running.join(trigger, hookWaits && this.#ending === undefined);
    }
    this.#ending ??= this.#runToTheEnd(termination);
    return this.#ending;
  }

  async #runToTheEnd(termination: Termination): Promise<TerminationReport> {
    await termination.drain();
    await termination.close();
    const report = termination.report();
    this.#conclude(report);
    // Never past the end of the process: the kubelet's SIGKILL comes soon after it.
    await this.#admin?.close(Math.min(FLUSH_MS, termination.msToEnd()));
    this.#tidyUp();
    // One turn later, so that whoever awaits the report has it before the process ends.
    setImmediate(() => this.#exit(report.exitCode ?? 0));
    return report;
  }

  #conclude(report: TerminationReport): void {
    this.#events.emit('report', { report });
    const path = this.#options.terminationMessagePath;
    if (path === false) return;
    try {
      if (existsSync(path)) writeFileSync(path, terminationMessage(report));
    } catch {
      // Best effort: the report has been logged.
    }
  }

  #exit(code: number): void {
    (this.#options.exit ?? this.#surroundings.exit)(code);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#stopped || this.phase === 'terminated') return;
    if (this.#signalled) {
      this.#endAtOnce();
      return;
    }
    this.#signalled = true;
    void this.#end({ kind: 'signal', detail: signal });
  };

  #endAtOnce(): void {
    const termination = this.#termination;
    termination?.cutShort();
    this.#stopped = true;
    const report = termination?.report();
    if (report) this.#conclude(report);
    this.#stopping.resolve();
    this.#tidyUp();
    this.#exit(report?.exitCode ?? 0);
  }

  #listenForFaults(): () => void {
    const onFault = (thrown: unknown): void => {
      // Node would have printed it, stack and all, had nobody listened.
      console.error(thrown);
      void this.#end({ kind: 'fault', detail: messageOf(thrown) });
    };
    process.on('uncaughtException', onFault);
    process.on('unhandledRejection', onFault);
    return () => {
      process.off('uncaughtException', onFault);
      process.off('unhandledRejection', onFault);
    };
  }

  /** `/prestop` was answered: if nothing follows, the pod is not going away. */
  #awaitSignal(termination: Termination): void {
    if (this.#ending !== undefined || this.#termination !== termination || this.#stopped) return;
    // Answered anew, waited for anew: the kubelet repeats a hook, and its signal follows the last answer.
    this.#cancelResume?.();
    const { resumeAfterMs } = this.#options;
    const cancel = this.#surroundings.clock.after(resumeAfterMs, () => void this.#resume(termination, resumeAfterMs));
    this.#cancelResume = () => {
      cancel();
      this.#cancelResume = undefined;
    };
  }

  async #resume(termination: Termination, waitedMs: number): Promise<void> {
    this.#cancelResume = undefined;
    termination.abandon('resumed');
    const report = termination.report();
    this.#termination = undefined;
    this.#registering = new AbortController();
    this.#drain = new AbortController();
    this.#traffic.resetSignals();
    this.#traffic.forgetLate();
    this.#closers.reset();
    this.#connections.stopTelling();
    this.#connections.listenAgain();
    this.#registrations.reset();
    this.#phases.moveTo('ready');
    this.#events.emit('report', { report });
    this.#events.emit('resumed', { waitedMs });
    this.#workers?.resume(waitedMs);
    await this.#untilServersListen();
    await this.#workers?.untilReady(this.#registering.signal);
    await this.#registrations.registerAll(this.#registering.signal, (registry) => termination.removalsEnded(registry));
    this.#resolveReadyWaiters();
  }

  #endpoints(options: EndpointHandlerOptions): EndpointHandler {
    return endpointHandler(
      {
        prestop: (caller) => this.#prestop(caller),
        poststart: () => this.#whenReady(),
        live: () => ({ ok: this.#failed() === undefined, reason: this.#failed() ?? this.phase }),
        ready: () => ({ ok: this.#answersReady(), reason: this.#readyReason() }),
        status: async () => {
          await this.#workers?.ask();
          return this.status();
        },
        refused: (endpoint: Endpoint, remoteAddress, reason) =>
          this.#events.emit('refused', { endpoint, remoteAddress, reason }),
        uncount: (request: IncomingMessage) => this.#traffic.uncount(request),
      },
      options,
    );
  }

  #failed(): string | undefined {
    return this.#failure ?? this.#workers?.failure;
  }

  #classifier(): RequestClassifier {
    return createClassifier(this.#options, (error) => {
      const message = `isCounted threw, so the request counts: ${messageOf(error)}`;
      this.#events.emit('warning', { code: 'LISTENER_FAILED', message });
    });
  }

  #isReady(): boolean {
    const { complete } = this.#registrations;
    return this.phase === 'ready' && complete && this.#workers?.serving !== false && !this.#heldUnready();
  }

  #heldUnready(): boolean {
    return this.#held.keepsFromReady !== undefined;
  }

  #answersReady(): boolean {
    const serving: readonly Phase[] = ['deregistering', 'lame-duck', 'draining'];
    if (this.#options.readyzWhileServing !== 'serve' || !serving.includes(this.phase)) return this.#isReady();
    return !this.#heldUnready();
  }

  #readyReason(): string {
    if (this.phase === 'ready' && this.#workers?.serving === false) return 'no worker serves';
    const { missing } = this.#registrations;
    if ((this.phase === 'starting' || this.phase === 'ready') && missing !== '') return `not registered: ${missing}`;
    const held = this.#held.keepsFromReady;
    return held === undefined ? this.phase : `held: ${held}`;
  }

  #whenReady(): Promise<void> {
    if (this.#isReady()) return Promise.resolve();
    if (this.#stopped || this.#termination !== undefined) {
      const message = `the service will not become ready: it is ${this.phase}`;
      return Promise.reject(new LifecycleError('ERR_PRESTOP_PHASE', message, { value: this.phase }));
    }
    const waiter = deferred();
    this.#readyWaiters.add(waiter);
    return waiter.promise;
  }

  #resolveReadyWaiters(): void {
    if (!this.#isReady()) return;
    for (const { resolve } of this.#readyWaiters) resolve();
    this.#readyWaiters.clear();
  }

  #rejectReadyWaiters(reason: string): void {
    for (const { reject } of this.#readyWaiters) reject(new LifecycleError('ERR_PRESTOP_PHASE', reason));
    this.#readyWaiters.clear();
  }

  #refuseWhenStopped(method: string): void {
    if (!this.#stopped) return;
    throw new LifecycleError('ERR_PRESTOP_STOPPED', `${method}: the lifecycle was stopped`, { option: method });
  }

  #tidyUp(): void {
    this.#cancelResume?.();
    for (const release of this.#release.splice(0)) release();
    this.#connections.detach();
    this.#admin?.destroy();
  }
}

/** Resolves when `server` listens, or `signal` aborts. */
async function untilListening(server: AttachableServer, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      server.removeListener('listening', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    server.once('listening', done);
    signal.addEventListener('abort', done);
  });
}
