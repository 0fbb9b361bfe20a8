import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { openRaw } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { type PodOptions, type TestPod, withPod } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';
import { roll, THREADS } from './fixtures/workers-suite.ts';

const SHORT: LifecycleOptions = { terminationGracePeriodSeconds: 5, floorMs: 0 };

function pod(options: LifecycleOptions): PodOptions {
  return { script: THREADS, options };
}

function portsOf(pod: TestPod): readonly number[] {
  const ready = pod.service.lines.find(({ text }) => text.startsWith('ready '));
  return JSON.parse(ready?.text.slice('ready '.length) ?? '{}').ports;
}

async function occupy(pod: TestPod, target: string): Promise<void> {
  const socket = await openRaw(pod.port);
  socket.write(get(target));
  await pod.entered(`GET ${target}`);
}

describe.each([
  { by: 'the hook', hook: true },
  { by: 'SIGTERM alone', hook: false },
])('two threads under load, terminated by $by', ({ hook }) => {
  it('lose nothing and are in one report', async () => {
    const options = { terminationGracePeriodSeconds: 20, floorMs: 1_000 };
    const targets = (pod: TestPod): string[] => portsOf(pod).map((port) => `127.0.0.1:${port}`);
    const { tally, ending } = await roll(pod(options), targets, hook);
    const { timeline, report, detail } = ending;
    expect(tally.lostCount, JSON.stringify(tally.lost.slice(0, 3)) + detail).toBe(0);
    expect(timeline.exit, detail).toEqual({ code: EXIT_CODES.clean, signal: null });
    expect(report.outcome, detail).toBe('clean');
    expect(report.workers, detail).toHaveLength(2);
    for (const worker of report.workers ?? []) {
      expect(worker, detail).toMatchObject({ kind: 'thread', pid: report.pid, outcome: 'ended', exitCode: 0 });
      expect(worker.report?.closers, detail).toMatchObject([{ name: 'worker', outcome: 'done' }]);
      expect(worker.report?.requests.answered, detail).toBeGreaterThan(0);
    }
  });
});

describe.concurrent('the primary of threads', () => {
  it('survives a thread that fails while it drains, and reports why', async () => {
    await withPod(pod(SHORT), async (pod) => {
      await occupy(pod, '/slow?ms=1500');
      const [, other = 0] = portsOf(pod);
      const { ended } = await pod.beginTermination(true);
      const socket = await openRaw(other);
      socket.write(get('/crash'));
      await socket.closedByPeer;
      const { timeline, report, detail } = await ended;
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      const died = report.workers?.find(({ outcome }) => outcome === 'died');
      expect(died, detail).toMatchObject({ exitCode: 1, error: 'a fault of the thread' });
      const ok = report.workers?.find(({ outcome }) => outcome === 'ended');
      expect(ok, detail).toMatchObject({ exitCode: 0, report: { requests: { cutCount: 0, answered: 1 } } });
    });
  });

  it('names the request that a thread had to cut at the deadline', async () => {
    await withPod(pod(SHORT), async (pod) => {
      await occupy(pod, '/never');
      const { timeline, report, detail } = await pod.terminate(false, { gracePeriodSeconds: 5 });
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(report.requests, detail).toMatchObject({ cutCount: 1, cut: [{ path: '/never', cause: 'deadline' }] });
    });
  });

  it('has its threads ready again when no signal follows', async () => {
    await withPod(pod({ ...SHORT, resumeAfterMs: 300 }), async (pod) => {
      const { hook } = await pod.hookAlone();
      expect(hook?.status).toBe(200);
      await until(() => pod.events('resumed').length === 1, 'the service resumed');
      await pod.service.waitForHttp(`http://127.0.0.1:${pod.adminPort}/readyz`);
      for (const port of portsOf(pod)) {
        const socket = await openRaw(port);
        socket.write(get('/fast'));
        expect((await socket.readResponse()).headers['connection']).toBe('keep-alive');
        await socket.close();
      }
      const { report, detail } = await pod.terminate(true);
      expect(report, detail).toMatchObject({ outcome: 'clean', exitCode: EXIT_CODES.clean });
    });
  });
});

// Alone: it takes a whole processor.
it('ends a thread that answers nothing any more, within the grace period', async () => {
  await withPod(pod(SHORT), async (pod) => {
    const socket = await openRaw(pod.port);
    socket.write(get('/block'));
    const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 5 });
    expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
    const outcomes = report.workers?.map(({ outcome }) => outcome).sort();
    expect(outcomes, detail).toEqual(['ended', 'killed']);
  });
});
