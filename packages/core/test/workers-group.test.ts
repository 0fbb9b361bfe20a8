import { describe, expect, test } from 'vitest';
import { Deadline } from '../src/deadline.ts';
import type { TerminationReport } from '../src/report.ts';
import type { LifecycleStatus } from '../src/status.ts';
import { WorkerGroup, workerLimits } from '../src/workers-group.ts';
import type { WorkerLink, WorkerListener } from '../src/workers-link.ts';
import type { PrimaryMessage, WorkerMessage } from '../src/workers-protocol.ts';
import { statusWith } from '../src/workers-status.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { reportOf } from './support/report-of.ts';

/** The other end of a worker's channel. */
class FakeWorker implements WorkerLink {
  readonly kind = 'process';
  readonly id: number;
  readonly pid: number;
  readonly received: PrimaryMessage[] = [];
  kills = 0;
  #listener: WorkerListener | undefined;

  constructor(id: number) {
    this.id = id;
    this.pid = 100 + id;
  }

  get told(): readonly string[] {
    return this.received.map(({ type }) => type);
  }

  send(message: PrimaryMessage): void {
    this.received.push(message);
  }

  kill(): void {
    this.kills += 1;
  }

  listen(listener: WorkerListener): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  takeErrors(): () => void {
    return () => {};
  }

  say(message: WorkerMessage): void {
    this.#listener?.message(message);
  }

  exit(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.#listener?.ended({ code, signal });
  }
}

function setUp(workers = 2) {
  const clock = new FakeClock();
  const group = new WorkerGroup(clock, ['SIGTERM']);
  const links = Array.from({ length: workers }, (_, index) => new FakeWorker(index + 1));
  for (const link of links) group.add(link);
  const startedAt = clock.now();
  const deadline = new Deadline(clock, startedAt + 4_000);
  const end = new Deadline(clock, startedAt + 5_000);
  const course = {
    trigger: { kind: 'prestop' },
    startedAt,
    terms: () => ({ terminationGracePeriodSeconds: 5, floorMs: 0, minDrainMs: 0, ...workerLimits(deadline, end) }),
  } as const;
  const greet = (): void => {
    for (const link of links) link.say({ type: 'hello', ready: true, failure: null });
  };
  return {
    clock,
    group,
    links,
    first: links[0] ?? expect.fail(),
    second: links[1] ?? expect.fail(),
    course,
    end,
    greet,
  };
}

const report: TerminationReport = reportOf({});

/** Whether `promise` has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await settle(3);
  return done;
}

describe('readiness', () => {
  test('comes with the last of the workers, and not without any', async () => {
    const { group, first, second } = setUp();
    const ready = group.untilReady(new AbortController().signal);
    first.say({ type: 'hello', ready: true, failure: null });
    second.say({ type: 'hello', ready: false, failure: null });
    expect(await settled(ready)).toBe(false);
    second.say({ type: 'hello', ready: true, failure: null });
    expect(await settled(ready)).toBe(true);
    expect(await settled(setUp(2).group.untilReady(AbortSignal.abort()))).toBe(true);
  });

  test('counts a worker once, however often it is added', async () => {
    const { group, first, second, greet } = setUp();
    group.add(first);
    greet();
    second.exit(0);
    expect(first.told).toEqual(['welcome']);
    expect(await settled(group.untilReady(new AbortController().signal))).toBe(true);
  });

  test('does not wait for one that died', async () => {
    const { group, first, second } = setUp();
    const ready = group.untilReady(new AbortController().signal);
    first.say({ type: 'hello', ready: true, failure: null });
    second.exit(1);
    expect(await settled(ready)).toBe(true);
    expect(group.serving).toBe(true);
    first.exit(1);
    expect(group.serving).toBe(false);
  });
});

describe('what workers say of themselves', () => {
  const status = (answered: number): LifecycleStatus => ({
    phase: 'ready',
    ready: true,
    live: true,
    inFlight: 1,
    answered,
    late: 0,
    held: 2,
    connections: { idle: 1 },
    registries: {},
    remainingMs: null,
  });

  test('is asked for, waited for, and added up; what a worker answered is kept when it ends', async () => {
    const { group, first, second, greet } = setUp();
    greet();
    const asked = group.ask();
    expect([first.received.at(-1), second.received.at(-1)]).toEqual(Array(2).fill({ type: 'ask', round: 1 }));
    first.say({ type: 'status', round: 1, status: status(10) });
    expect(await settled(asked)).toBe(false);
    second.say({ type: 'status', round: 1, status: status(5) });
    expect(await settled(asked)).toBe(true);
    expect(statusWith(status(100), group.statuses, group.answeredByEnded)).toMatchObject({
      inFlight: 3,
      answered: 115,
      held: 6,
      connections: { idle: 3 },
    });
    first.exit(0);
    expect(statusWith(status(100), group.statuses, group.answeredByEnded)).toMatchObject({
      inFlight: 2,
      answered: 115,
    });
  });

  test('is not waited for longer than 250 ms, nor from a worker without a lifecycle', async () => {
    const { group, clock, first, second } = setUp();
    expect(await settled(group.ask())).toBe(true);
    first.say({ type: 'hello', ready: true, failure: null });
    const timers = clock.pending;
    const asked = group.ask();
    expect(second.told).not.toContain('ask');
    await clock.advance(240);
    expect(await settled(asked)).toBe(false);
    await clock.advance(20);
    expect([await settled(asked), clock.pending]).toEqual([true, timers]);
  });

  test('is a failure of the service until the worker has ended', () => {
    const { group, first, greet } = setUp();
    greet();
    expect(group.failure).toBeUndefined();
    first.say({ type: 'hello', ready: true, failure: 'stuck' });
    expect(group.failure).toBe('worker 1: stuck');
    first.exit(1);
    expect(group.failure).toBeUndefined();
  });
});

describe('a termination', () => {
  test('is told with what is left, also to a worker that greets late', async () => {
    const { group, first, second, course, clock } = setUp();
    first.say({ type: 'hello', ready: true, failure: null });
    group.terminate(course);
    group.removed();
    group.floorPassed(true);
    expect(first.told).toEqual(['welcome', 'terminate', 'removed', 'floor-passed']);
    await clock.advance(1_000);
    second.say({ type: 'hello', ready: true, failure: null });
    expect(second.told).toEqual(first.told);
    expect(second.received[1]).toMatchObject({ run: 1, terms: { requestsMs: 2_900, totalMs: 3_600 } });
  });

  test('waits for those that greeted, not for those that cannot answer', () => {
    const { group, first, second, course, greet } = setUp();
    group.add(new FakeWorker(3));
    greet();
    group.terminate(course);
    expect(group.drained).toBe(false);
    first.say({ type: 'drained', run: 0, report });
    first.exit(null, 'SIGKILL');
    expect(group.drained).toBe(false);
    second.say({ type: 'drained', run: 1, report });
    expect(group.drained).toBe(true);
  });

  test('ends all: by their own report, killed when they hang, and soon when they never answered', async () => {
    const { group, first, second, course, greet, clock, end } = setUp();
    const silent = new FakeWorker(3);
    const booting = new FakeWorker(4);
    group.add(silent);
    group.add(booting);
    greet();
    silent.say({ type: 'hello', ready: true, failure: null });
    group.terminate(course);
    for (const link of [first, second]) link.say({ type: 'drained', run: 1, report });
    await clock.advance(4_000);
    const closed = group.close(end);
    expect([first, second, silent, booting].map(({ kills }) => kills)).toEqual([0, 0, 0, 1]);
    await clock.advance(500);
    expect([first, second, silent, booting].map(({ kills }) => kills)).toEqual([0, 0, 1, 1]);
    first.say({ type: 'ended', report });
    first.exit(0);
    silent.exit(null, 'SIGKILL');
    booting.exit(null, 'SIGKILL');
    await clock.advance(240);
    expect(second.kills).toBe(0);
    await clock.advance(20);
    expect(second.kills).toBe(1);
    expect(await settled(closed)).toBe(false);
    second.exit(null, 'SIGKILL');
    expect(await settled(closed)).toBe(true);
    expect(group.reports(course.startedAt).map(({ outcome }) => outcome)).toEqual([
      'ended',
      'killed',
      'killed',
      'unstarted',
    ]);
  });

  test('kills a worker that is started while the others are being closed', () => {
    const { group, course, end } = setUp();
    group.terminate(course);
    void group.close(end);
    const late = new FakeWorker(9);
    group.add(late);
    expect(late).toMatchObject({ kills: 1, received: [] });
    expect(group.reports(0)).toHaveLength(2);
  });

  test('passes the fast path on, with what it leaves', () => {
    const { group, first, course, greet } = setUp();
    greet();
    group.hurry({ kind: 'signal' });
    expect(first.told).toEqual(['welcome']);
    group.terminate(course);
    group.hurry({ kind: 'signal', detail: 'SIGTERM' });
    expect(first.received.at(-1)).toMatchObject({ type: 'hurry', limits: { requestsMs: 3_900 } });
  });

  test('that was resumed does not keep a worker that hung to its end', async () => {
    const { group, first, second, course, greet } = setUp();
    greet();
    group.terminate(course);
    first.say({ type: 'drained', run: 1, report });
    group.resume(300);
    expect([first, second].map(({ kills }) => kills)).toEqual([0, 1]);
    const ready = group.untilReady(new AbortController().signal);
    first.say({ type: 'hello', ready: true, failure: null });
    second.exit(null, 'SIGKILL');
    expect(await settled(ready)).toBe(true);
  });

  test('that was resumed leaves nothing behind, and a late answer to it counts for nothing', async () => {
    const { group, first, second, course, greet } = setUp();
    greet();
    group.terminate(course);
    first.say({ type: 'drained', run: 1, report });
    second.exit(1);
    group.resume(300);
    expect(first.told.at(-1)).toBe('resume');
    expect(group.serving).toBe(false);
    const ready = group.untilReady(new AbortController().signal);
    first.say({ type: 'hello', ready: true, failure: null });
    expect(await settled(ready)).toBe(true);
    expect(group.reports(0)).toHaveLength(1);
    group.terminate(course);
    first.say({ type: 'drained', run: 1, report });
    expect(group.drained).toBe(false);
    first.say({ type: 'drained', run: 2, report });
    expect(group.drained).toBe(true);
  });
});

test('a fault of the primary is none of its workers', () => {
  const { group, first, course, greet } = setUp();
  greet();
  group.terminate({ ...course, trigger: { kind: 'fault', detail: 'boom' } });
  expect(first.received.at(-1)).toMatchObject({ trigger: { kind: 'call', detail: 'fault of the primary: boom' } });
});
