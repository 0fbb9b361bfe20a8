import { EVENT_NAMES, type LifecycleEventName, type LifecycleEvents } from '../../src/events.ts';
import { createLifecycleIn } from '../../src/lifecycle.ts';
import type { LifecycleOptions } from '../../src/lifecycle-options.ts';
import type { Logger } from '../../src/logger.ts';
import type { TerminationReport } from '../../src/report.ts';
import type { SteeredLifecycle } from '../../src/workers-steering.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeServer } from './fake-server.ts';
import { FakeSignals } from './fake-signals.ts';

/** An event that was told, with its name and the clock's instant. */
export type Told = {
  [Name in LifecycleEventName]: { readonly name: Name; readonly at: number; readonly event: LifecycleEvents[Name] };
}[LifecycleEventName];

export interface HarnessOptions extends LifecycleOptions {
  /** Default: one that listens already. */
  readonly servers?: readonly FakeServer[];
  readonly clock?: FakeClock;
}

/** A lifecycle whose surroundings are all fake: time, chance, signals, the server and the end of the process. */
export class Harness {
  static readonly #made = new Set<Harness>();

  readonly clock: FakeClock;
  readonly signals = new FakeSignals();
  readonly servers: readonly FakeServer[];
  readonly lifecycle: SteeredLifecycle;
  readonly told: Told[] = [];
  readonly exits: { readonly code: number; readonly at: number }[] = [];
  readonly logger: Logger | false;

  constructor(options: HarnessOptions = {}) {
    const { servers = [new FakeServer()], clock = new FakeClock(), ...given } = options;
    this.clock = clock;
    this.servers = servers;
    this.logger = given.logger ?? false;
    this.lifecycle = createLifecycleIn(
      { admin: false, logger: false, terminationMessagePath: false, start: 'manual', ...given },
      {
        clock,
        random: () => 0.5,
        signals: this.signals,
        exit: (code) => this.exits.push({ code, at: clock.now() }),
      },
    );
    for (const name of EVENT_NAMES) {
      this.lifecycle.on(name, (event) => this.told.push({ name, at: clock.now(), event } as Told));
    }
    for (const { server } of servers) this.lifecycle.attach(server);
    Harness.#made.add(this);
  }

  /** Takes all that were made out of the process; for `afterEach`. */
  static async stopAll(): Promise<void> {
    for (const { lifecycle } of Harness.#made) void lifecycle.stop();
    Harness.#made.clear();
    await settle();
  }

  get server(): FakeServer {
    const [server] = this.servers;
    if (server === undefined) throw new Error('this harness has no server');
    return server;
  }

  /** Events of one name, in order. */
  events<Name extends LifecycleEventName>(name: Name): LifecycleEvents[Name][] {
    return this.told.filter((one) => one.name === name).map(({ event }) => event as LifecycleEvents[Name]);
  }

  phases(): string[] {
    return this.events('phase').map(({ to }) => to);
  }

  /** Registered and ready. */
  async ready(): Promise<this> {
    const started = this.lifecycle.start();
    let done = false;
    void started.then(() => {
      done = true;
    });
    if (!(await this.clock.advanceUntil(() => done, 60_000))) throw new Error('not ready within a minute');
    return this;
  }

  /** Passes time until the process was ended. */
  async untilExit(atMostMs = 120_000): Promise<void> {
    await this.clock.advanceUntil(() => this.exits.length > 0, atMostMs, 25);
    await settle(3);
  }

  /** What `promise` gave, in fake time. */
  async resolved<Value>(promise: Promise<Value>, atMostMs = 120_000): Promise<Value> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    if (!(await this.clock.advanceUntil(() => settled, atMostMs))) throw new Error('the promise is still pending');
    return promise;
  }

  prestop(): Promise<TerminationReport> {
    return this.lifecycle.terminate({ kind: 'prestop' });
  }
}
