import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript } from './support/fake-registry.ts';
import { Harness } from './support/harness.ts';

async function service(script: FakeRegistryScript = {}) {
  const clock = new FakeClock();
  const registry = new FakeRegistry(clock, script);
  const harness = await new Harness({ clock, registry }).ready();
  const state = (): string | undefined => harness.lifecycle.status().registries['fake'];
  return { clock, registry, harness, state, lifecycle: harness.lifecycle };
}

afterEach(() => Harness.stopAll());

/** What `/readyz` answers. */
function readyz({ lifecycle, server }: Harness): { readonly status: number | undefined; readonly reason: string } {
  const exchange = server.request({ url: '/readyz' });
  lifecycle.handler()(exchange.request, exchange.response);
  return { status: exchange.head?.status, reason: JSON.parse(exchange.body).reason as string };
}

describe('what status() says of a registry', () => {
  test('deregistering until it answers, unconfirmed until it is proven, then confirmed', async () => {
    const { clock, harness, state } = await service({ deregister: [{ slowMs: 500 }], check: ['ok', 'unknown', 'ok'] });
    expect(state()).toBe('registered');
    void harness.prestop();
    await settle();
    expect(state()).toBe('deregistering');
    await clock.advance(510);
    expect(state()).toBe('unconfirmed');
    await clock.advance(400);
    expect(state()).toBe('confirmed');
  });

  test('failed when it cannot be removed, and the metric says that it is still there', async () => {
    const { clock, harness, state } = await service({ deregister: [{ refuse: 'auth' }] });
    void harness.prestop();
    await clock.advance(100);
    expect(state()).toBe('failed');
    const exchange = harness.server.request({ url: '/metrics' });
    harness.lifecycle.handler()(exchange.request, exchange.response);
    await settle();
    expect(exchange.body).toContain('prestop_registered{registry="fake"} 1');
  });

  test('deregistering again when the instance is back', async () => {
    const { clock, harness, registry, state } = await service({ settleMs: 5_000, deregister: ['ok', { slowMs: 500 }] });
    void harness.prestop();
    await clock.advance(1_000);
    expect(state()).toBe('confirmed');
    registry.putBack();
    await clock.advanceUntil(() => state() !== 'confirmed', 2_000);
    expect(state()).toBe('deregistering');
    await clock.advance(1_000);
    expect(state()).toBe('confirmed');
  });

  test('pending and registered again after a resume', async () => {
    const { clock, harness, state } = await service({ register: ['ok', { slowMs: 500 }] });
    await harness.resolved(harness.prestop());
    await clock.advance(10_100);
    expect([harness.lifecycle.phase, state()]).toEqual(['ready', 'pending']);
    await clock.advance(600);
    expect(state()).toBe('registered');
  });
});

describe('the last error of a registry that hangs to the end', () => {
  test.each([
    ['is what was wrong, not that it was given up', 30, 'the registry did not answer within 2000 ms'],
    ['says so when nothing else was wrong', 4, 'the process ended before it answered'],
  ])('%s', async (_, terminationGracePeriodSeconds, error) => {
    const clock = new FakeClock();
    const registry = new FakeRegistry(clock, { deregister: ['hang'] });
    const options = { clock, registry, terminationGracePeriodSeconds, quiet: { minMs: 1, maxMs: 1 } };
    const harness = await new Harness(options).ready();
    harness.signals.send();
    await harness.untilExit();
    expect(harness.events('report').at(-1)?.report.registries).toMatchObject([{ outcome: 'failed', error }]);
  });
});

describe('a removal that comes late', () => {
  test('is waited for before the service registers again', async () => {
    const { clock, harness, registry, lifecycle } = await service({ deregister: [{ deafMs: 14_000 }, 'ok'] });
    const asked = clock.now();
    await harness.resolved(harness.prestop());
    await clock.advanceUntil(() => lifecycle.phase === 'ready', 30_000);
    await clock.advance(asked + 13_990 - clock.now());
    expect([lifecycle.phase, lifecycle.status().ready, registry.count('register')]).toEqual(['ready', false, 1]);
    await clock.advance(500);
    expect([registry.listed, lifecycle.status().ready, registry.count('register')]).toEqual([true, true, 2]);
  });

  test('that comes after all is mended: registered, seen gone, registered again', async () => {
    const { clock, harness, registry, lifecycle } = await service({ deregister: [{ deafMs: 60_000 }, 'ok'] });
    await harness.resolved(harness.prestop());
    await clock.advanceUntil(() => lifecycle.status().ready, 30_000);
    expect(registry.listed).toBe(true);
    await clock.advance(60_000);
    expect([registry.listed, lifecycle.status().ready]).toEqual([true, true]);
    expect(harness.events('registered').length).toBe(3);
    expect(clock.pending).toBe(0);
  });

  test('from which nothing is left on the way holds nobody up', async () => {
    const { clock, harness, lifecycle } = await service();
    await harness.resolved(harness.prestop());
    await clock.advanceUntil(() => lifecycle.phase === 'ready', 30_000);
    await clock.advance(50);
    expect([lifecycle.status().ready, harness.events('registered').length]).toEqual([true, 2]);
  });

  test('does not disturb the next termination', async () => {
    const { clock, harness, registry, lifecycle } = await service({ deregister: [{ deafMs: 60_000 }, 'ok'] });
    await harness.resolved(harness.prestop());
    await clock.advanceUntil(() => lifecycle.status().ready, 30_000);
    harness.signals.send();
    await harness.untilExit();
    await clock.advance(60_000);
    expect([registry.listed, registry.count('register'), harness.exits.length]).toEqual([false, 2, 1]);
  });
});

describe('/readyz names the registry and what it said', () => {
  test.each<[string, FakeRegistryScript, string]>([
    ['has not answered', { register: ['hang'] }, 'not registered: fake has not answered'],
    ['refuses', { register: [{ refuse: 'auth' }] }, 'not registered: fake failed (auth)'],
    ['is down', { register: ['rubbish'] }, 'not registered: fake failed'],
    [
      'takes it and does not list it',
      { check: ['gone'] },
      'not registered: fake took the instance and does not list it',
    ],
  ])('%s', async (_, script, reason) => {
    const clock = new FakeClock();
    const harness = new Harness({ clock, registry: new FakeRegistry(clock, script) });
    void harness.lifecycle.start();
    await clock.advance(1_000);
    expect(readyz(harness)).toEqual({ status: 503, reason });
  });
});
