import { afterEach, describe, expect, test } from 'vitest';
import { settle } from './support/fake-clock.ts';
import { Harness, type HarnessOptions } from './support/harness.ts';

async function service(options: HarnessOptions = {}) {
  const harness = await new Harness({ floorMs: 0, ...options }).ready();
  return { harness, clock: harness.clock, lifecycle: harness.lifecycle, server: harness.server };
}

function readyz({ lifecycle, server }: Harness): number | undefined {
  const exchange = server.request({ url: '/readyz' });
  lifecycle.handler()(exchange.request, exchange.response);
  return exchange.head?.status;
}

afterEach(() => Harness.stopAll());

describe('held work', () => {
  test('is waited for as a request in flight is', async () => {
    const { harness, clock, lifecycle } = await service();
    const release = lifecycle.hold('orders');
    const done = harness.prestop();
    await clock.advance(8_000);
    expect([lifecycle.phase, lifecycle.status().held]).toEqual(['draining', 1]);
    release();
    const report = await harness.resolved(done, 100);
    expect(report).toMatchObject({ outcome: 'drained', held: { atStart: 1, released: 1, cutCount: 0, cut: [] } });
  });

  test('does not keep the service from being quiet', async () => {
    const { harness, clock, lifecycle } = await service();
    lifecycle.hold('orders');
    void harness.prestop();
    await clock.advance(2_000);
    expect(lifecycle.phase).toBe('draining');
  });

  test('is cut at the deadline, named with its age, and makes the exit a forced one', async () => {
    const { harness, clock, lifecycle } = await service();
    await clock.advance(500);
    const release = lifecycle.hold('orders');
    lifecycle.hold('mail')();
    await clock.advance(1_000);
    harness.signals.send();
    await harness.untilExit();
    const report = harness.events('report').at(-1)?.report;
    expect(report).toMatchObject({
      outcome: 'forced',
      held: { atStart: 1, released: 0, cutCount: 1, cut: [{ name: 'orders', ageMs: 26_000 }] },
    });
    expect(harness.events('heldCut')).toEqual([{ work: 'orders', ageMs: 26_000 }]);
    expect(harness.exits).toMatchObject([{ code: 70 }]);
    expect(() => release()).not.toThrow();
  });

  test('lists the first twenty of those that were cut, and counts them all', async () => {
    const { harness, lifecycle } = await service();
    for (let index = 0; index < 30; index++) lifecycle.hold(`job-${index}`);
    harness.signals.send();
    await harness.untilExit();
    const { held } = harness.events('report').at(-1)?.report ?? expect.fail();
    expect([held.cutCount, held.cut.length, held.cut[0]?.name]).toEqual([30, 20, 'job-0']);
    expect(harness.events('heldCut')).toHaveLength(30);
  });

  test('is named in the report of a second signal', async () => {
    const { harness, clock, lifecycle } = await service();
    lifecycle.hold('orders');
    harness.signals.send();
    await clock.advance(400);
    harness.signals.send();
    expect(harness.events('report').at(-1)?.report.held).toMatchObject({ cut: [{ name: 'orders', ageMs: 400 }] });
  });

  test('is released once, however often that is called', async () => {
    const { lifecycle } = await service();
    const first = lifecycle.hold('orders');
    lifecycle.hold('orders');
    first();
    first();
    expect(lifecycle.status().held).toBe(1);
  });

  test('may begin in the drain, and in the wait for the signal', async () => {
    const { harness, clock, lifecycle } = await service();
    await harness.resolved(harness.prestop());
    const release = lifecycle.hold('last message');
    harness.signals.send();
    await clock.advance(3_000);
    expect([lifecycle.phase, harness.exits]).toEqual(['closing', []]);
    release();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 0 }]);
  });

  test('may not begin when the drain is over: what it uses is being closed', async () => {
    const { harness, lifecycle } = await service();
    let thrown: unknown;
    lifecycle.onClose('pool', () => {
      try {
        lifecycle.hold('orders');
      } catch (error) {
        thrown = error;
      }
    });
    harness.signals.send();
    await harness.untilExit();
    expect(thrown).toMatchObject({
      code: 'ERR_PRESTOP_PHASE',
      message: 'hold: "orders" comes too late, the drain is over (phase "closing")',
    });
  });

  test('of which there is much on a fast path is given the time of requests', async () => {
    const { harness, clock, lifecycle } = await service({ floorMs: 5_000 });
    lifecycle.hold('orders');
    void harness.prestop();
    await clock.advance(1_000);
    harness.signals.send();
    await harness.untilExit();
    expect(harness.exits).toMatchObject([{ code: 70 }]);
    expect(harness.events('report').at(-1)?.report.held.cutCount).toBe(1);
  });

  test('goes on through a resume', async () => {
    const { harness, clock, lifecycle } = await service({ terminationGracePeriodSeconds: 10, resumeAfterMs: 100 });
    const release = lifecycle.hold('long job');
    const done = harness.prestop();
    await clock.advance(2_000);
    release();
    await harness.resolved(done);
    const next = lifecycle.hold('next job');
    await clock.advance(200);
    expect([lifecycle.phase, lifecycle.status().held]).toEqual(['ready', 1]);
    next();
    expect(lifecycle.status().held).toBe(0);
  });
});

describe('held work that takes readiness', () => {
  test('answers /readyz with 503 until the last of it is released, and leaves /livez alone', async () => {
    const { harness, lifecycle } = await service();
    const [first, second] = [
      lifecycle.hold('cache', { readiness: true }),
      lifecycle.hold('index', { readiness: true }),
    ];
    lifecycle.hold('orders');
    expect([readyz(harness), lifecycle.status().ready, lifecycle.status().live]).toEqual([503, false, true]);
    first();
    expect(readyz(harness)).toBe(503);
    second();
    expect([readyz(harness), lifecycle.status().ready]).toEqual([200, true]);
  });

  test('also while a terminating service serves and says so', async () => {
    const { harness, lifecycle } = await service({ readyzWhileServing: 'serve' });
    void harness.prestop();
    await settle();
    expect(readyz(harness)).toBe(200);
    lifecycle.hold('cache', { readiness: true });
    expect(readyz(harness)).toBe(503);
  });

  test('before the start holds up those who wait for the service to be ready', async () => {
    const harness = new Harness();
    const release = harness.lifecycle.hold('cache', { readiness: true });
    const exchange = harness.server.request({ url: '/poststart' });
    harness.lifecycle.handler()(exchange.request, exchange.response);
    await harness.ready();
    await settle();
    expect(exchange.outcome).toBe('open');
    release();
    await settle();
    expect(exchange.head?.status).toBe(200);
  });
});

describe('hold() refuses', () => {
  test.each<[string, unknown, unknown, string]>([
    ['an empty name', '', undefined, 'ERR_PRESTOP_OPTION_INVALID'],
    ['a name that is no string', 7, undefined, 'ERR_PRESTOP_OPTION_INVALID'],
    ['an unknown option', 'orders', { ready: true }, 'ERR_PRESTOP_OPTION_UNKNOWN'],
    ['a flag as text', 'orders', { readiness: 'yes' }, 'ERR_PRESTOP_OPTION_INVALID'],
  ])('%s', (_, name, options, code) => {
    const { lifecycle } = new Harness();
    expect(() => lifecycle.hold(name as string, options as object)).toThrowError(expect.objectContaining({ code }));
    expect(lifecycle.status().held).toBe(0);
  });

  test('everything after stop()', async () => {
    const { lifecycle } = new Harness();
    await lifecycle.stop();
    expect(() => lifecycle.hold('orders')).toThrowError(expect.objectContaining({ code: 'ERR_PRESTOP_STOPPED' }));
  });
});
