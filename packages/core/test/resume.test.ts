import { afterEach, describe, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';
import { service } from './support/service.ts';

afterEach(() => Harness.stopAll());

const TERMINATION = ['ready', 'deregistering', 'lame-duck', 'draining', 'closing', 'terminated'];

describe('no signal after the answer', () => {
  test('registers again and is ready again; the account of the termination is told', async () => {
    const { harness, registry, clock, server } = await service();
    const done = harness.prestop();
    await clock.advance(500);
    server.request().answer();
    await harness.resolved(done);
    await clock.advance(11_000);
    expect(harness.lifecycle.phase).toBe('ready');
    expect([registry.listed, harness.lifecycle.status().ready]).toEqual([true, true]);
    expect(harness.events('resumed')).toEqual([{ waitedMs: 10_000 }]);
    expect(harness.events('report')).toMatchObject([
      { report: { outcome: 'resumed', exitCode: null, requests: { late: { count: 1 }, answered: 1 } } },
    ]);
    expect(harness.exits).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('connections are kept alive again, and the signals of requests are fresh', async () => {
    const { harness, server, clock } = await service();
    await harness.resolved(harness.prestop());
    const { drainSignal } = harness.lifecycle;
    await clock.advance(11_000);
    const order = server.request();
    expect(harness.lifecycle.requestSignals(order.request).drain.aborted).toBe(false);
    expect([drainSignal.aborted, harness.lifecycle.drainSignal.aborted]).toEqual([true, false]);
    order.answer();
    expect(order.saidClose).toBe(false);
  });

  test('a hook that comes again is answered at once, and the wait begins anew', async () => {
    const { harness, clock } = await service();
    await harness.resolved(harness.prestop());
    await clock.advance(9_000);
    await harness.resolved(harness.prestop(), 100);
    await clock.advance(9_000);
    expect(harness.lifecycle.phase).toBe('draining');
    await clock.advance(1_500);
    expect(harness.lifecycle.phase).toBe('ready');
  });

  test('the next termination is a whole one', async () => {
    const { harness, clock } = await service();
    await harness.resolved(harness.prestop());
    await clock.advance(11_000);
    harness.signals.send();
    await harness.untilExit();
    expect(harness.phases()).toEqual(['ready', 'deregistering', 'lame-duck', 'draining', ...TERMINATION]);
    expect(harness.exits).toMatchObject([{ code: 0 }]);
    expect(harness.events('terminating')).toHaveLength(2);
  });

  test('a signal in the last moment still ends it', async () => {
    const { harness, clock } = await service();
    await harness.resolved(harness.prestop());
    await clock.advance(9_999);
    harness.signals.send();
    await harness.untilExit();
    expect([harness.events('resumed'), harness.exits.length]).toEqual([[], 1]);
  });
});
