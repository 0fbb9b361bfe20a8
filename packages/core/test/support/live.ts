import { isLifecycleError } from '../../src/errors.ts';
import type { TerminationReport } from '../../src/report.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeRegistry } from './fake-registry.ts';
import { type FakeConnection, type FakeExchange, FakeServer } from './fake-server.ts';
import { Harness } from './harness.ts';
import type { RandomLife, Step } from './random-life.ts';

export interface Hook {
  readonly askedAt: number;
  answeredAt?: number;
  report?: TerminationReport;
  failed?: unknown;
}

/** What was seen of a life, for the invariants to look at. */
export interface Life {
  readonly harness: Harness;
  readonly registries: readonly FakeRegistry[];
  readonly hooks: readonly Hook[];
  readonly signals: readonly number[];
  /** When something asked for the end: a signal, a call, a fault. */
  readonly ends: readonly number[];
  readonly requests: readonly { readonly exchange: FakeExchange; readonly counted: boolean }[];
  readonly upgraded: readonly FakeConnection[];
  /** Held work: how much was taken in, and how much of it was released by those who held it. */
  readonly held: { readonly count: number; readonly released: number };
  /** Timers of the closers' own, which nobody else can take away. */
  readonly closerTimers: number;
  /** Phases in which a caller found the listener closed. */
  readonly refusedIn: readonly string[];
  readonly reports: readonly TerminationReport[];
}

const CONNECTIONS = 5;

/** Lives a life to its end: the exit of the process, or being ready again with nothing more to come. */
export async function live(plan: RandomLife): Promise<Life> {
  const clock = new FakeClock();
  const registries = plan.registries.map(
    (script, index) => new FakeRegistry(clock, { ...script, name: `r${index}`, check: ['ok'] }),
  );
  const registry = registries.map((one, index) => withChecks(one, clock, plan, index));
  const server = new FakeServer();
  // A handler of upgrades must be there, or Node would not hand them over.
  server.server.on('upgrade', () => {});
  const { terminationGracePeriodSeconds, resumeAfterMs } = plan;
  const harness = new Harness({ clock, registry, terminationGracePeriodSeconds, resumeAfterMs, servers: [server] });
  let closerTimers = 0;
  plan.closers.forEach(({ ms, fails, timeoutMs, afterPrevious, phase }, index) => {
    const closer = (): Promise<void> =>
      new Promise((resolve, reject) => {
        if (ms === undefined) return;
        closerTimers += 1;
        clock.after(ms, () => {
          closerTimers -= 1;
          if (fails) reject(new Error('it failed'));
          else resolve();
        });
      });
    harness.lifecycle.onClose(`c${index}`, closer, {
      phase,
      ...(afterPrevious && mayFollow(plan, index) ? { after: [`c${index - 1}`] } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  });
  await harness.ready();

  const hooks: Hook[] = [];
  const signals: number[] = [];
  const ends: number[] = [];
  const requests: { exchange: FakeExchange; counted: boolean }[] = [];
  const upgraded: FakeConnection[] = [];
  const refusedIn: string[] = [];
  const connections: (FakeConnection | undefined)[] = Array(CONNECTIONS).fill(undefined);
  const answers: { readonly at: number; readonly end: () => void }[] = [];
  const held = { count: 0, released: 0 };

  const connect = (): FakeConnection | undefined => {
    if (server.server.listening) return server.connect();
    refusedIn.push(harness.lifecycle.phase);
    return undefined;
  };
  const act = (step: Step): void => {
    const { lifecycle } = harness;
    switch (step.do) {
      case 'prestop': {
        const hook: Hook = { askedAt: clock.now() };
        hooks.push(hook);
        harness.prestop().then(
          (report) => Object.assign(hook, { report, answeredAt: clock.now() }),
          (failed: unknown) => Object.assign(hook, { failed, answeredAt: clock.now() }),
        );
        return;
      }
      case 'call':
        ends.push(clock.now());
        void lifecycle.terminate();
        return;
      case 'fault':
        ends.push(clock.now());
        void lifecycle.terminate({ kind: 'fault', detail: 'boom' });
        return;
      case 'signal':
        if (!harness.signals.send(step.signal)) return;
        signals.push(clock.now());
        ends.push(clock.now());
        return;
      case 'put-back':
        registries[0]?.putBack();
        return;
      case 'hold': {
        const release = holdUnlessOver(harness);
        if (release === undefined) return;
        held.count += 1;
        const end = (): void => {
          const before = lifecycle.status().held;
          release();
          // One that was cut is held no more, and others may be.
          if (lifecycle.status().held < before) held.released += 1;
        };
        if (step.forMs !== undefined) answers.push({ at: clock.now() + step.forMs, end });
        return;
      }
      case 'silent-socket':
        connect();
        return;
      case 'half-head':
        connect()?.receive(20);
        return;
      case 'upgrade': {
        const connection = connect();
        connection?.upgrade();
        if (connection) upgraded.push(connection);
        return;
      }
      case 'request': {
        const known = connections[step.connection];
        const connection = known?.usable && !known.ending ? known : connect();
        if (connection === undefined) return;
        connections[step.connection] = connection;
        const headers: Record<string, string> = step.probe ? { 'user-agent': 'kube-probe/1.34' } : {};
        if (!step.complete) headers['transfer-encoding'] = 'chunked';
        const exchange = connection.request({ headers, complete: step.complete });
        requests.push({ exchange, counted: !step.probe });
        if (step.forMs !== undefined) answers.push({ at: clock.now() + step.forMs, end: () => exchange.answer() });
        return;
      }
    }
  };
  const gone = (): boolean => harness.exits.length > 0;
  /** Passes time, and lets handlers answer when they are done. */
  const pass = async (untilAt: number): Promise<void> => {
    while (!gone() && clock.now() < untilAt) {
      answers.sort((left, right) => left.at - right.at);
      const stopAt = Math.min(untilAt, clock.now() + 25, answers[0]?.at ?? untilAt);
      await clock.advance(Math.max(0, stopAt - clock.now()));
      // The forced end takes turns of the event loop, and no time.
      if (harness.lifecycle.phase === 'closing' || harness.lifecycle.phase === 'terminated') await settle(6);
      if (gone() || (answers[0]?.at ?? Number.POSITIVE_INFINITY) > clock.now()) continue;
      answers.shift()?.end();
    }
  };

  for (const { afterMs, step } of plan.steps) {
    await pass(clock.now() + afterMs);
    if (gone()) break;
    act(step);
    await settle();
  }
  await pass(clock.now() + terminationGracePeriodSeconds * 1_000 + resumeAfterMs + 4_000);
  await settle(4);
  const reports = harness.events('report').map(({ report }) => report);
  return { harness, registries, hooks, signals, ends, requests, upgraded, held, closerTimers, refusedIn, reports };
}

/** @returns `undefined` when the drain is over. */
function holdUnlessOver({ lifecycle }: Harness): (() => void) | undefined {
  const isOver = lifecycle.phase === 'closing' || lifecycle.phase === 'terminated';
  try {
    return lifecycle.hold('work');
  } catch (error) {
    if (isOver && isLifecycleError(error) && error.code === 'ERR_PRESTOP_PHASE') return undefined;
    throw error;
  }
}

/** A closer of the drain cannot wait for one that runs after it. */
function mayFollow({ closers }: RandomLife, index: number): boolean {
  return index > 0 && !(closers[index]?.phase === 'draining' && closers[index - 1]?.phase === 'closing');
}

/** Reading goes wrong only once the instance was ready, or it never would be. */
function withChecks(one: FakeRegistry, clock: FakeClock, plan: RandomLife, index: number): FakeRegistry {
  const faulty = new FakeRegistry(clock, { name: one.name, check: plan.registries[index]?.check ?? ['ok'] });
  const honest = one.check.bind(one);
  one.check = async (options) => {
    if (one.count('deregister') === 0) return honest(options);
    faulty.listed = one.listed;
    return faulty.check(options);
  };
  return one;
}
