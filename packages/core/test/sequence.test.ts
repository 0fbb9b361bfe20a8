import diagnostics from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript } from './support/fake-registry.ts';
import { FakeServer } from './support/fake-server.ts';
import { Harness } from './support/harness.ts';
import { service } from './support/service.ts';

afterEach(() => Harness.stopAll());

const TERMINATION = ['ready', 'deregistering', 'lame-duck', 'draining', 'closing', 'terminated'];

describe('the ordinary termination', () => {
  test('goes through every phase, is answered, and exits cleanly after the signal', async () => {
    const { harness, clock, t0 } = await service();
    const report = await harness.resolved(harness.prestop());
    expect(report).toMatchObject({ outcome: 'drained', exitCode: null, trigger: { kind: 'prestop' } });
    expect(clock.now() - t0).toBeLessThanOrEqual(2_500);
    expect(harness.lifecycle.phase).toBe('draining');
    harness.signals.send();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 0 }]);
    expect(harness.phases()).toEqual(TERMINATION);
    const [ended] = harness.events('report');
    expect(ended?.report).toMatchObject({
      outcome: 'clean',
      exitCode: 0,
      joined: [{ kind: 'signal', detail: 'SIGTERM' }],
    });
  });

  test('the signal alone does exactly the same', async () => {
    const { harness } = await service();
    harness.signals.send();
    await harness.untilExit();
    expect(harness.phases()).toEqual(TERMINATION);
    expect(harness.exits).toMatchObject([{ code: 0 }]);
    expect(harness.events('terminating')).toMatchObject([{ trigger: { kind: 'signal', detail: 'SIGTERM' } }]);
  });

  test('the registry is asked in the same turn in which it began', async () => {
    const { harness, registry, clock, t0 } = await service();
    void harness.prestop();
    await settle();
    expect([registry.count('deregister'), clock.now()]).toEqual([1, t0]);
  });

  test('every answer says close from the start, also to those that are in flight', async () => {
    const { harness, server } = await service();
    const [before, open] = [server.request(), server.request()];
    before.answer();
    void harness.prestop();
    await settle();
    open.answer();
    const after = server.request();
    after.answer();
    expect([before, open, after].map(({ saidClose }) => saidClose)).toEqual([false, true, true]);
  });

  test('every answer of a server that is attached meanwhile says close as well', async () => {
    const { harness } = await service();
    void harness.prestop();
    await settle();
    const late = new FakeServer();
    harness.lifecycle.attach(late.server);
    const request = late.request();
    request.answer();
    expect(request.saidClose).toBe(true);
  });

  test('serves as long as callers come, and is quiet when they stop', async () => {
    const { harness, server, clock, t0 } = await service();
    const done = harness.prestop();
    for (let index = 0; index < 150; index++) {
      server.request().answer();
      await clock.advance(20);
    }
    expect(harness.lifecycle.phase).toBe('lame-duck');
    const report = await harness.resolved(done);
    expect(report.requests).toMatchObject({ answered: 150, cutCount: 0 });
    expect(report.requests.late.count).toBeGreaterThan(140);
    expect(clock.now() - t0).toBeLessThanOrEqual(3_000 + 1_300);
  });

  test('silence does not count while the process does not run', async () => {
    const { harness, server, clock } = await service();
    const done = harness.prestop();
    for (let index = 0; index < 20; index++) {
      server.request().answer();
      await clock.advance(100);
    }
    // What callers send now is in the kernel until the process goes on, and is read after its timers have run.
    clock.stall(3_000);
    await clock.advance(10);
    expect(harness.lifecycle.phase).toBe('lame-duck');
    const late = server.request();
    late.answer();
    const report = await harness.resolved(done);
    expect([late.outcome, report.requests.cutCount]).toEqual(['answered', 0]);
  });

  test('the floor of the registry is kept although nobody calls', async () => {
    const { harness, clock, t0 } = await service({ settleMs: 3_000 });
    const report = await harness.resolved(harness.prestop());
    expect(report.lameDuck).toMatchObject({ floorMs: 3_000, endedBy: 'quiet' });
    expect(clock.now() - t0).toBeGreaterThanOrEqual(3_000);
    expect(clock.now() - t0).toBeLessThanOrEqual(3_300);
  });

  test('nothing is left behind: no timer, no listener, no subscriber', async () => {
    const channel = diagnostics.channel('http.server.request.start');
    const { harness, clock, registry, server } = await service();
    server.request().answer();
    harness.signals.send();
    await harness.untilExit();
    expect([clock.pending, harness.signals.listeners, registry.open, channel.hasSubscribers]).toEqual([0, 0, 0, false]);
    expect(registry.count('close')).toBe(1);
    expect(server.listeners()).toEqual(new FakeServer().listeners());
  });
});

describe('callers that never stop', () => {
  test('get the lame duck until what is kept for draining begins; then nobody new is taken in', async () => {
    const { harness, server, clock, t0 } = await service({}, { minDrainMs: 10_000 });
    const done = harness.prestop();
    let endedAt: number | undefined;
    void done.then(() => (endedAt = clock.now()));
    let refused = 0;
    while (endedAt === undefined && clock.now() < t0 + 30_000) {
      if (server.server.listening) server.request().answer();
      else refused += 1;
      await clock.advance(50);
    }
    const report = await done;
    expect(report.lameDuck.endedBy).toBe('budget');
    expect((endedAt ?? 0) - t0).toBeGreaterThanOrEqual(15_000);
    expect((endedAt ?? 0) - t0).toBeLessThanOrEqual(15_200);
    expect([refused, report.requests.cutCount]).toEqual([expect.any(Number), 0]);
  });
});

describe('a request that is never answered', () => {
  test('is told before the deadline, cut at it, named, and makes the exit a forced one', async () => {
    const { harness, server, clock, t0 } = await service();
    const stuck = server.request({ url: '/stuck?card=4111' });
    const { drain, deadline } = harness.lifecycle.requestSignals(stuck.request);
    const done = harness.prestop();
    await clock.advance(24_700);
    expect([drain.aborted, deadline.aborted, stuck.outcome]).toEqual([true, false, 'open']);
    await clock.advance(200);
    expect([deadline.aborted, stuck.outcome]).toEqual([true, 'open']);
    const report = await harness.resolved(done);
    expect(clock.now() - t0).toBeLessThanOrEqual(25_010);
    expect(stuck.outcome).toBe('lost');
    expect(report.requests).toMatchObject({
      inFlightAtStart: 1,
      answered: 0,
      cutCount: 1,
      cut: [{ method: 'GET', path: '/stuck', cause: 'deadline' }],
    });
    harness.signals.send();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 70 }]);
    expect(harness.events('report').at(-1)?.report.connections.forced).toBe(1);
  });

  test('is told before it is cut also when nothing is kept for draining', async () => {
    const { harness, server } = await service({}, { minDrainMs: 0, reserveMs: 5_000 });
    const stuck = server.request();
    const { deadline } = harness.lifecycle.requestSignals(stuck.request);
    const done = harness.prestop();
    // Callers that never stop: the lame duck would last until the deadline itself.
    const { clock } = harness;
    let warnedAt = 0;
    deadline.addEventListener('abort', () => (warnedAt = clock.now()));
    while (server.server.listening) {
      server.request().answer();
      await clock.advance(100);
    }
    await harness.resolved(done);
    expect(stuck.outcome).toBe('lost');
    expect(clock.now() - warnedAt).toBeGreaterThanOrEqual(200);
    expect(clock.now() - warnedAt).toBeLessThanOrEqual(300);
  });

  test('a probe that is never answered holds nobody up and makes no exit forced', async () => {
    const { harness, server, clock } = await service();
    server.request({ headers: { 'user-agent': 'kube-probe/1.34' } });
    harness.signals.send();
    const t0 = clock.now();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 0 }]);
    expect(clock.now() - t0).toBeLessThanOrEqual(4_000);
  });
});

describe('triggers that meet', () => {
  test('any number of hooks and calls: one termination, all answered', async () => {
    const { harness } = await service();
    const answers = [harness.prestop(), harness.prestop()];
    await harness.clock.advance(300);
    answers.push(harness.prestop());
    const reports = await harness.resolved(Promise.all(answers));
    expect(reports.map(({ outcome }) => outcome)).toEqual(['drained', 'drained', 'drained']);
    expect(harness.events('terminating')).toHaveLength(1);
    expect(harness.events('joined')).toHaveLength(2);
  });

  test('a signal while the hook is still waited for: the fast path, within 2 s', async () => {
    const { harness, server, clock } = await service({ settleMs: 5_000 });
    server.request();
    const hook = harness.prestop();
    await clock.advance(1_000);
    harness.signals.send();
    const signalledAt = clock.now();
    await harness.untilExit();
    expect((harness.exits[0]?.at ?? 0) - signalledAt).toBeLessThan(2_000);
    expect(harness.exits).toMatchObject([{ code: 70 }]);
    expect((await hook).budget.fastPath).toBe(true);
    expect(harness.events('joined')).toMatchObject([{ trigger: { kind: 'signal' }, fastPath: true }]);
  });

  test('a second signal ends the process at once, once, with its own code', async () => {
    const { harness, server, clock } = await service();
    server.request();
    harness.signals.send();
    await clock.advance(500);
    harness.signals.send('SIGINT');
    expect(harness.exits).toEqual([{ code: 72, at: clock.now() }]);
    await clock.advance(60_000);
    expect(harness.exits).toHaveLength(1);
    expect(harness.events('report').map(({ report }) => report.outcome)).toEqual(['second-signal']);
    expect([clock.pending, harness.signals.listeners]).toEqual([0, 0]);
  });

  test('a second signal while the closers run is no different', async () => {
    const { harness, clock } = await service();
    harness.lifecycle.onClose('hangs', () => new Promise(() => {}));
    harness.signals.send();
    await clock.advanceUntil(() => harness.lifecycle.phase === 'closing', 10_000);
    await clock.advance(100);
    harness.signals.send();
    await clock.advance(60_000);
    expect(harness.exits).toMatchObject([{ code: 72 }]);
    expect(clock.pending).toBe(0);
  });

  test('a hook that comes after the signal is answered before the process ends', async () => {
    const { harness, clock } = await service();
    harness.signals.send();
    await clock.advance(500);
    const hook = harness.prestop();
    await harness.untilExit();
    expect((await hook).outcome).not.toBe('running');
    expect(harness.exits).toHaveLength(1);
  });

  test('a fault joins as a fault: the exit code says so', async () => {
    const { harness } = await service();
    void harness.lifecycle.terminate({ kind: 'fault', detail: 'boom' });
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 73 }]);
  });

  test('a termination before the service was ready skips nothing after it', async () => {
    const clock = new FakeClock();
    const registry = new FakeRegistry(clock, { register: ['hang'] });
    const harness = new Harness({ clock, registry });
    const started = harness.lifecycle.start();
    await clock.advance(100);
    harness.signals.send();
    await harness.untilExit();
    await started;
    expect(harness.phases()).toEqual(TERMINATION.slice(1));
    expect(harness.exits).toMatchObject([{ code: 0 }]);
  });
});

describe('a late signal', () => {
  test('after the grace period is over still leaves the closers their time, and ends within 2 s', async () => {
    const { harness, clock, t0 } = await service({}, { resumeAfterMs: 60_000 });
    await harness.resolved(harness.prestop());
    await clock.advance(t0 + 40_000 - clock.now());
    let closed = false;
    harness.lifecycle.onClose('pool', async ({ signal }) => {
      closed = !signal.aborted;
    });
    harness.signals.send();
    const signalledAt = clock.now();
    await harness.untilExit();
    expect([closed, harness.exits]).toMatchObject([true, [{ code: 0 }]]);
    expect((harness.exits[0]?.at ?? 0) - signalledAt).toBeLessThan(2_000);
  });

  test('that comes while the closers of a call run near the end does not let them hang', async () => {
    const { harness, clock, t0 } = await service();
    harness.lifecycle.onClose('hangs', () => new Promise(() => {}));
    void harness.lifecycle.terminate();
    await clock.advance(t0 + 29_000 - clock.now());
    expect(harness.lifecycle.phase).toBe('closing');
    harness.signals.send();
    await harness.untilExit(10_000);
    expect(harness.exits).toMatchObject([{ code: 71 }]);
    expect((harness.exits[0]?.at ?? 0) - t0).toBeLessThanOrEqual(31_000);
    expect(clock.pending).toBe(0);
  });
});

describe('closers', () => {
  test('that hang are ended before the grace period is over, and the exit code says so', async () => {
    const { harness, t0 } = await service();
    harness.lifecycle.onClose('pool', () => new Promise(() => {}));
    harness.lifecycle.onClose('telemetry', () => {}, { after: ['pool'] });
    harness.signals.send();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 71 }]);
    expect((harness.exits[0]?.at ?? 0) - t0).toBeLessThanOrEqual(29_500);
    expect(harness.events('report').at(-1)?.report.closers).toMatchObject([
      { name: 'pool', outcome: 'timed-out' },
      { name: 'telemetry', outcome: 'skipped' },
    ]);
  });

  test('that were added after the start and name one that is not there are run, and a warning says it', async () => {
    const { harness, lifecycle } = await service();
    lifecycle.onClose('pool', () => {});
    const takeAway = lifecycle.onClose('gone', () => {});
    lifecycle.onClose('telemetry', () => {}, { after: ['pool', 'gone', 'postgers'] });
    takeAway();
    lifecycle.onClose('sockets', () => {}, { phase: 'draining', after: ['pool'] });
    harness.signals.send();
    await harness.untilExit();
    expect(harness.events('warning').filter(({ code }) => code === 'CLOSER_ORDER')).toEqual([
      {
        code: 'CLOSER_ORDER',
        message: 'closer "sockets" does not wait for "pool": there must be no closer of a later phase in `after`',
      },
      {
        code: 'CLOSER_ORDER',
        message: 'closer "telemetry" does not wait for "postgers": there must be a closer for every name in `after`',
      },
    ]);
    const closers = harness.events('report').at(-1)?.report.closers;
    expect(closers?.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
  });

  test('run when no request is in flight any more', async () => {
    const { harness, server, clock } = await service();
    const open = server.request();
    let inFlight: number | undefined;
    harness.lifecycle.onClose('pool', () => {
      inFlight = harness.lifecycle.status().inFlight;
    });
    harness.signals.send();
    await clock.advance(6_000);
    open.answer();
    await harness.untilExit();
    expect([inFlight, open.outcome]).toEqual([0, 'answered']);
  });
});

describe('registries that fail', () => {
  test.each<[string, FakeRegistryScript]>([
    ['hangs', { deregister: ['deaf'] }],
    ['refuses', { deregister: [{ refuse: 'auth' }] }],
    ['is down', { deregister: [{ refuse: 'unavailable' }] }],
    ['answers rubbish', { deregister: ['rubbish'], check: ['rubbish'] }],
    ['cannot be read', { check: ['visible', 'unknown'] }],
    ['never lets go', { check: ['visible'] }],
    ['cannot be closed', { close: ['deaf'] }],
    ['fails to close', { close: ['rubbish'] }],
  ])('%s: HTTP is served, the floor is kept, the exit is clean and in time', async (_, script) => {
    const { harness, server, t0, clock } = await service({ settleMs: 1_000, ...script });
    harness.signals.send();
    await clock.advance(900);
    const order = server.request();
    await clock.advance(50);
    order.answer();
    await harness.untilExit();
    expect(order.outcome).toBe('answered');
    expect(harness.exits).toMatchObject([{ code: 0 }]);
    expect((harness.exits[0]?.at ?? 0) - t0).toBeGreaterThanOrEqual(1_000);
    expect((harness.exits[0]?.at ?? 0) - t0).toBeLessThanOrEqual(12_000);
    expect(clock.pending).toBe(0);
  });

  test('one of several: each has its own line in the report', async () => {
    const clock = new FakeClock();
    const registry = [
      new FakeRegistry(clock, { name: 'good' }),
      new FakeRegistry(clock, { name: 'bad', deregister: [{ refuse: 'auth' }] }),
    ];
    const harness = await new Harness({ clock, registry }).ready();
    harness.signals.send();
    await harness.untilExit();
    expect(harness.events('report').at(-1)?.report.registries).toMatchObject([
      { name: 'good', outcome: 'confirmed' },
      { name: 'bad', outcome: 'failed', error: 'bad: refused (auth)' },
    ]);
  });

  test('an instance that comes back while the floor runs starts the floor anew', async () => {
    const { harness, registry, clock, t0 } = await service({ settleMs: 4_000 });
    const done = harness.prestop();
    await clock.advance(3_000);
    registry.putBack();
    await harness.resolved(done);
    // Seen again at the next look, removed, and from then on a consumer may have it for another 4 s.
    expect(clock.now() - t0).toBeGreaterThanOrEqual(3_000 + 4_000);
    expect(clock.now() - t0).toBeLessThanOrEqual(8_000);
    expect(registry.listed).toBe(false);
  });
});

describe('the report', () => {
  test('never counts a request twice, and never fewer than none', async () => {
    const { harness, server, clock } = await service();
    const connections = Array.from({ length: 5 }, () => server.connect());
    for (const connection of connections) connection.request({ url: '/stuck' });
    const done = harness.prestop();
    await clock.advance(24_000);
    const report = await harness.resolved(done);
    expect(report.requests).toMatchObject({ inFlightAtStart: 5, answered: 0, cutCount: 5 });
    harness.signals.send();
    await harness.untilExit();
    const last = harness.events('report').at(-1)?.report;
    expect(last?.requests).toMatchObject({ answered: 0, cutCount: 5 });
    expect(harness.events('cut')).toHaveLength(5);
  });

  test('a request that comes in the last step is finished, while a probe that hangs is not waited for', async () => {
    const { harness, server, clock } = await service();
    await harness.resolved(harness.prestop());
    // An upload whose body is still coming: its answer cannot say close, and its connection stays open.
    const kept = server.connect();
    const upload = kept.request({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, complete: false });
    const probe = server.request({ headers: { 'user-agent': 'kube-probe/1.34' } });
    harness.signals.send();
    await clock.advance(1_010);
    upload.answer();
    const last = kept.request({ url: '/last' });
    expect([harness.lifecycle.phase, upload.saidClose]).toEqual(['closing', false]);
    await clock.advance(3_000);
    expect([harness.exits, last.outcome]).toEqual([[], 'open']);
    last.answer();
    await harness.untilExit();
    expect([last.outcome, probe.outcome]).toEqual(['answered', 'lost']);
    expect(harness.events('report').at(-1)?.report.requests).toMatchObject({ cutCount: 0 });
    expect(harness.exits).toMatchObject([{ code: 0 }]);
  });

  test('a connection is closed as soon as it is idle in the last step', async () => {
    const { harness, server, clock } = await service();
    await harness.resolved(harness.prestop());
    const kept = server.connect();
    const upload = kept.request({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, complete: false });
    server.request();
    harness.signals.send();
    await clock.advance(1_000);
    upload.answer();
    await clock.advance(25);
    expect([harness.lifecycle.phase, kept.usable]).toEqual(['closing', false]);
  });

  test('a request that meets the end of its connection is a collision, counted once', async () => {
    const { harness, server, clock } = await service();
    const idle = server.connect();
    idle.request().answer();
    const stuck = server.request({ url: '/stuck' });
    harness.signals.send();
    // The silent connection is closed in the drain, and its caller speaks in the same moment.
    idle.ignoreEnd();
    await clock.advanceUntil(() => idle.ending, 20_000);
    const crossing = idle.request({ url: '/crossing' });
    await harness.untilExit();
    expect([stuck.outcome, crossing.outcome]).toEqual(['lost', 'lost']);
    const report = harness.events('report').at(-1)?.report;
    expect(report?.requests.cut.map(({ path, cause }) => [path, cause]).sort()).toEqual([
      ['/crossing', 'collision'],
      ['/stuck', 'deadline'],
    ]);
    expect(report?.requests).toMatchObject({ cutCount: 2, answered: 0 });
  });

  test('phases add up to the whole', async () => {
    const { harness } = await service({ settleMs: 700 });
    harness.signals.send();
    await harness.untilExit();
    const report = harness.events('report').at(-1)?.report;
    const spent = report?.phases.reduce((sum, { ms }) => sum + (ms ?? 0), 0) ?? 0;
    expect(Math.abs(spent - (report?.totalMs ?? 0))).toBeLessThanOrEqual(3);
    expect(report?.phases.map(({ phase }) => phase)).toEqual(TERMINATION.slice(1));
  });
});

test('an isCounted that throws is a warning, and the request is followed', async () => {
  const isCounted = (): boolean => {
    throw new TypeError('no such header');
  };
  const { harness, server } = await service({}, { isCounted });
  server.request();
  expect(harness.lifecycle.status().inFlight).toBe(1);
  expect(harness.events('warning')).toContainEqual({
    code: 'LISTENER_FAILED',
    message: 'isCounted threw, so the request counts: no such header',
  });
});
