import { afterEach, describe, expect, test } from 'vitest';
import type { TerminationReport } from '../src/report.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript } from './support/fake-registry.ts';
import { Harness } from './support/harness.ts';

/** A ready service with a registry and nobody calling. */
async function service(script: FakeRegistryScript = {}) {
  const clock = new FakeClock();
  const registry = new FakeRegistry(clock, script);
  const harness = await new Harness({ clock, registry }).ready();
  return { clock, registry, harness, lifecycle: harness.lifecycle, server: harness.server };
}

function lastReport(harness: Harness): TerminationReport {
  return harness.events('report').at(-1)?.report ?? expect.fail('there is no report');
}

afterEach(() => Harness.stopAll());

describe('a second signal', () => {
  test('names the requests that it cut', async () => {
    const { harness, server, clock } = await service({ settleMs: 3_000 });
    server.request({ url: '/slow?card=4111' });
    server.request({ headers: { 'user-agent': 'kube-probe/1.34' } });
    harness.signals.send();
    await clock.advance(500);
    server.request({ url: '/late' });
    await clock.advance(250);
    harness.signals.send();
    expect(lastReport(harness).requests).toMatchObject({
      inFlightAtStart: 1,
      answered: 0,
      cutCount: 2,
      cut: [
        { method: 'GET', path: '/slow', ageMs: 750, cause: 'second-signal' },
        { method: 'GET', path: '/late', ageMs: 250, cause: 'second-signal' },
      ],
    });
    expect(harness.events('cut')).toMatchObject([{ path: '/slow' }, { path: '/late' }]);
    expect(harness.exits).toMatchObject([{ code: 72 }]);
  });

  test('counts no request twice that the deadline had cut', async () => {
    const { harness, server, clock, lifecycle } = await service();
    server.request({ url: '/stuck' });
    lifecycle.onClose('hangs', () => new Promise(() => {}));
    harness.signals.send();
    await clock.advance(26_000);
    harness.signals.send();
    expect(lastReport(harness).requests).toMatchObject({ cutCount: 1, cut: [{ cause: 'deadline' }] });
  });

  test('names the closers that have not ended, and those that have not begun', async () => {
    const { harness, clock, lifecycle } = await service();
    lifecycle.onClose('quick', () => {});
    let begun = false;
    lifecycle.onClose('hangs', () => {
      begun = true;
      return new Promise(() => {});
    });
    lifecycle.onClose('telemetry', () => {}, { after: ['hangs'] });
    harness.signals.send();
    await clock.advanceUntil(() => begun, 10_000);
    await clock.advance(100);
    harness.signals.send();
    expect(lastReport(harness).closers).toMatchObject([
      { name: 'quick', outcome: 'done', error: null },
      { name: 'hangs', outcome: 'cut', ms: 100, error: 'a second signal ended the process' },
      { name: 'telemetry', outcome: 'skipped', ms: 0, error: 'a second signal ended the process' },
    ]);
  });

  test('names the closers of both phases when it comes before they have begun', async () => {
    const { harness, clock, lifecycle } = await service({ settleMs: 3_000 });
    lifecycle.onClose('pool', () => {});
    lifecycle.onClose('sockets', () => {}, { phase: 'draining' });
    harness.signals.send();
    await clock.advance(100);
    harness.signals.send();
    expect(lastReport(harness).closers).toMatchObject([
      { name: 'sockets', outcome: 'skipped' },
      { name: 'pool', outcome: 'skipped' },
    ]);
  });

  test('says which registry still has the instance, as far as is known', async () => {
    const { harness, clock } = await service({ deregister: ['deaf'] });
    harness.signals.send();
    await clock.advance(100);
    harness.signals.send();
    expect(lastReport(harness).registries).toMatchObject([
      { outcome: 'failed', attempts: 1, removedAtMs: null, error: 'the process ended before it answered' },
    ]);
  });
});

test('stop() in the middle is an outcome of its own', async () => {
  const { harness, clock, lifecycle, server } = await service({ settleMs: 3_000 });
  server.request();
  const answer = lifecycle.terminate();
  await clock.advance(100);
  await lifecycle.stop();
  expect(await answer).toMatchObject({ outcome: 'stopped', exitCode: null });
  expect(harness.exits).toEqual([]);
});

describe('triggers without end', () => {
  test('the report lists the first twenty and counts them all', async () => {
    const { harness, lifecycle } = await service();
    const hooks = Array.from({ length: 1_000 }, () => harness.prestop());
    const report = (await harness.resolved(Promise.all(hooks)))[0];
    expect([report?.joined.length, report?.joinedCount]).toEqual([20, 999]);
    expect(lifecycle.phase).toBe('draining');
  });

  test('the signal that ends it is listed however many came before, and a fault counts', async () => {
    const { harness, lifecycle } = await service();
    await harness.resolved(Promise.all(Array.from({ length: 30 }, () => harness.prestop())));
    void lifecycle.terminate({ kind: 'fault', detail: 'boom' });
    harness.signals.send();
    await harness.untilExit();
    const report = lastReport(harness);
    expect(report.joined.at(-1)).toMatchObject({ kind: 'signal', detail: 'SIGTERM' });
    expect([report.joined.length, report.joinedCount, report.outcome]).toEqual([21, 31, 'fault']);
  });
});

describe('a registry whose client cannot be closed', () => {
  /** The machine may add warnings of its own, about how the tests were started. */
  const warnings = (harness: Harness) => harness.events('warning').filter(({ code }) => code.startsWith('REGISTRY'));

  test.each<[string, FakeRegistryScript, string]>([
    ['fails', { close: ['rubbish'] }, 'Unexpected token < in JSON'],
    ['hangs', { close: ['deaf'] }, 'it had not closed after 1000 ms'],
  ])('%s: a warning and a line in the report, and the exit is clean', async (_, script, error) => {
    const { harness } = await service(script);
    harness.signals.send();
    await harness.untilExit();
    expect(warnings(harness)).toEqual([
      { code: 'REGISTRY_CLOSE_FAILED', message: `the client of fake was not closed: ${error}` },
    ]);
    expect(lastReport(harness)).toMatchObject({ outcome: 'clean', registries: [{ closeError: error }] });
  });

  test('one that closes says nothing', async () => {
    const { harness } = await service();
    harness.signals.send();
    await harness.untilExit();
    expect(warnings(harness)).toEqual([]);
    expect(lastReport(harness).registries).toMatchObject([{ closeError: null }]);
  });

  test('stop() tells it as well', async () => {
    const { harness, lifecycle } = await service({ close: ['rubbish'] });
    await lifecycle.stop();
    expect(warnings(harness)).toMatchObject([{ code: 'REGISTRY_CLOSE_FAILED' }]);
  });
});
