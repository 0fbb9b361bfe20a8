import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdminServer } from './admin-server.ts';
import { type Closer, type CloserOptions, Closers } from './closers.ts';
import { type AttachableServer, ConnectionSet } from './connection-set.ts';
import { deferred } from './deferred.ts';
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointHandler,
  type EndpointHandlerOptions,
  endpointHandler,
} from './endpoints.ts';
import { LifecycleError, messageOf } from './errors.ts';
import { EventHub, type LifecycleEventName, type LifecycleListener, type Trigger } from './events.ts';
import { listenForFaults } from './faults.ts';
import { HeldWork, type HoldOptions } from './held-work.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import { ADMIN_RULES, type LifecycleOptions, type ResolvedOptions, resolveOptions } from './lifecycle-options.ts';
import { jsonLogger, logEvents } from './logger.ts';
import { checkOptions, listOf, type OptionRules, oneOf } from './option-rules.ts';
import { parentWarnings, readParent } from './parent-process.ts';
import { type Phase, PhaseMachine } from './phase.ts';
import { Readiness } from './readiness.ts';
import { Registrations } from './registrations.ts';
import { closeRegistry } from './registry-call.ts';
import type { TerminationReport } from './report.ts';
import { createClassifier, type RequestClassifier } from './request-classifier.ts';
import { untilAllListen } from './servers-listening.ts';
import { listenForSignals } from './signals.ts';
import type { LifecycleStatus } from './status.ts';
import { PROCESS, type Surroundings } from './surroundings.ts';
import type { Termination } from './termination.ts';
import { writeTerminationMessage } from './termination-message.ts';
import { Terminations } from './terminations.ts';
import { hasGone, type RequestSignals, type ServerRequest, Traffic } from './traffic.ts';
import { WorkerGroup } from './workers-group.ts';
import { statusWith } from './workers-status.ts';
import { STEERING, type SteeredLifecycle, type Steering } from './workers-steering.ts';

/**
 * The beginning of everything: checks the options and makes a lifecycle. Nothing is opened, read or listened to yet;
 * that happens in {@link Lifecycle.attach} or {@link Lifecycle.start}.
 *
 * The usual mistake: a `terminationGracePeriodSeconds` here that is not the number in the manifest. Nothing tells a
 * process what its pod was given, so the two must be written as one. One lifecycle a process: each of several would exit
 * when its own part is done.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`, `ERR_PRESTOP_OPTION_CONFLICT`
 */
export function createLifecycle(options: LifecycleOptions = {}): Lifecycle {
  return createLifecycleIn(options, PROCESS);
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
  readonly #readiness: Readiness;
  readonly #terminations: Terminations;
  readonly #release: (() => void)[] = [];
  readonly #releaseOnStop: (() => void)[] = [];
  #workers: WorkerGroup | undefined;
  #drain = new AbortController();
  #registering = new AbortController();
  #started: Promise<void> | undefined;
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
      this.#terminations.running?.phaseEntered(to);
      if (to === 'draining') this.#drain.abort(new DOMException('the service is draining', 'AbortError'));
      this.#events.emit('phase', { from, to, afterMs: Math.round(at - this.#phaseSince) });
      this.#phaseSince = at;
    });
    this.#traffic = new Traffic(clock, (late) => this.#events.emit('lateRequest', late));
    this.#held = new HeldWork(clock, () => this.#readiness.look());
    const { random } = surroundings;
    this.#registrations = new Registrations(options.registries, { clock, random, events: this.#events }, () =>
      this.#readiness.look(),
    );
    this.#connections = new ConnectionSet({
      traffic: this.#traffic,
      clock,
      classifier: this.#classifier(),
      longLived: options.longLived,
    });
    const context = {
      options,
      clock,
      random,
      events: this.#events,
      phases: this.#phases,
      traffic: this.#traffic,
      connections: this.#connections,
      closers: this.#closers,
      held: this.#held,
      workers: () => this.#workers,
    };
    this.#readiness = new Readiness({ ...context, registrations: this.#registrations });
    this.#terminations = new Terminations(context, {
      begins: () => {
        this.#registering.abort();
        this.#readiness.giveUp('the service is terminating');
      },
      resumes: (termination, waitedMs) => this.#resume(termination, waitedMs),
      ends: (termination) => this.#runToTheEnd(termination),
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
    const terminations = this.#terminations;
    const report =
      trigger.kind === 'prestop' ? terminations.prestop({ waiting: () => true }) : terminations.end(trigger);
    const { running } = terminations;
    const stopped = this.#stopping.promise.then(() => running?.report());
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
    const signals = this.#traffic.signalsOf(request);
    if (signals !== undefined) return signals;
    // Whose caller has gone is not followed any more, and its listeners would stay on a signal that lives on.
    const drain = hasGone(request) ? new AbortController().signal : this.#drain.signal;
    return { drain, deadline: new AbortController().signal };
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
    const { running } = this.#terminations;
    const own: LifecycleStatus = {
      phase: this.phase,
      ready: this.#readiness.reached,
      live: this.#failed() === undefined,
      inFlight: this.#traffic.inFlight,
      answered: this.#traffic.answered,
      late: this.#traffic.late().count,
      held: this.#held.count,
      connections: this.#connections.counts(),
      registries: Object.fromEntries(running?.registryStates() ?? this.#registrations.states()),
      remainingMs: running?.remainingMs() ?? null,
    };
    const workers = this.#workers;
    return workers ? statusWith(own, workers.statuses, workers.answeredByEnded) : own;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopping.resolve();
    this.#registering.abort();
    this.#terminations.stop();
    this.#workers?.dispose();
    for (const release of this.#releaseOnStop.splice(0)) release();
    this.#tidyUp();
    this.#readiness.giveUp('the lifecycle was stopped');
    const context = { clock: this.#surroundings.clock, events: this.#events };
    await Promise.all(this.#options.registries.map((adapter) => closeRegistry(adapter, context)));
    this.#events.clear();
  }

  /** How the modules for workers move this lifecycle; see {@link Steering}. */
  get [STEERING](): Steering {
    return {
      workers: () => this.#superviseWorkers(),
      drain: (trigger, terms, primary) => this.#terminations.drain(trigger, terms, primary),
      removed: () => this.#traffic.lateFrom(this.#surroundings.clock.now()),
      hurry: (trigger, limits) => this.#terminations.running?.join(trigger, true, limits),
      close: (limits) => this.#terminations.close(limits),
      resume: (waitedMs) => this.#terminations.resume(waitedMs),
      retire: (reason) => this.#terminations.retire(reason),
      onStop: (release) => void this.#releaseOnStop.push(release),
    };
  }

  #superviseWorkers(): WorkerGroup {
    this.#refuseWhenStopped('superviseWorkers');
    this.#workers ??= new WorkerGroup(this.#surroundings.clock, this.#options.signals);
    this.#startAfterThisTurn();
    return this.#workers;
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
      if (this.#options.faults === 'terminate') this.#release.push(listenForFaults(this.#onFault));
      for (const warning of parentWarnings(readParent())) this.#events.emit('warning', warning);
      await this.#admin?.listen();
    } catch (error) {
      this.#tidyUp();
      this.#events.emit('startFailed', { error: error as Error });
      throw error;
    }
    await this.#enterService();
  }

  /** The way to `ready`, unless a termination begins. `removed` resolves when no removal is on its way any more. */
  async #enterService(removed?: (registry: string) => Promise<void>): Promise<void> {
    await untilAllListen(this.#connections.servers, this.#registering.signal);
    await this.#workers?.untilReady(this.#registering.signal);
    await this.#registrations.registerAll(this.#registering.signal, removed);
    if (this.phase === 'starting' && !this.#stopped) this.#phases.moveTo('ready');
    this.#readiness.look();
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
    const { terminationMessagePath } = this.#options;
    if (terminationMessagePath !== false) writeTerminationMessage(terminationMessagePath, report);
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
    void this.#terminations.end({ kind: 'signal', detail: signal });
  };

  #endAtOnce(): void {
    const { running } = this.#terminations;
    running?.cutShort();
    this.#stopped = true;
    const report = running?.report();
    if (report) this.#conclude(report);
    this.#stopping.resolve();
    this.#tidyUp();
    this.#exit(report?.exitCode ?? 0);
  }

  readonly #onFault = (thrown: unknown): void => {
    void this.#terminations.end({ kind: 'fault', detail: messageOf(thrown) });
  };

  async #resume(termination: Termination, waitedMs: number): Promise<void> {
    const report = termination.report();
    this.#registering = new AbortController();
    this.#drain = new AbortController();
    this.#traffic.resetSignals();
    this.#traffic.forgetLate();
    this.#closers.reset();
    this.#connections.stopTelling();
    this.#connections.listenAgain();
    this.#registrations.reset();
    this.#readiness.reset();
    this.#phases.moveTo('ready');
    this.#events.emit('report', { report });
    this.#events.emit('resumed', { waitedMs });
    this.#workers?.resume(waitedMs);
    await this.#enterService((registry) => termination.removalsEnded(registry));
  }

  #endpoints(options: EndpointHandlerOptions): EndpointHandler {
    return endpointHandler(
      {
        prestop: (caller) => {
          this.#refuseWhenStopped('prestop');
          return this.#terminations.prestop(caller);
        },
        poststart: () => this.#readiness.whenReached(),
        live: () => ({ ok: this.#failed() === undefined, reason: this.#failed() ?? this.phase }),
        ready: () => this.#readiness.probe(),
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

  #refuseWhenStopped(method: string): void {
    if (!this.#stopped) return;
    throw new LifecycleError('ERR_PRESTOP_STOPPED', `${method}: the lifecycle was stopped`, { option: method });
  }

  #tidyUp(): void {
    this.#terminations.cancelResume();
    for (const release of this.#release.splice(0)) release();
    this.#connections.detach();
    this.#admin?.destroy();
  }
}
