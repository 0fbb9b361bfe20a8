import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { freePort, openRaw, type RawResponse, startCommand } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get, head } from './fixtures/messages.ts';
import { type PodOptions, type TestPod, withPod } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';
import { CLUSTER, isAlive, roll, workerPids } from './fixtures/workers-suite.ts';

/** In most tests; those under load have three. */
const WORKERS = 2;

/** A floor above the lag of the callers. */
const ROLLED: LifecycleOptions = { terminationGracePeriodSeconds: 20, floorMs: 1_000 };
/** As short as the rules allow, for what needs no callers. */
const SHORT: LifecycleOptions = { terminationGracePeriodSeconds: 10, floorMs: 0 };

function pod(options: LifecycleOptions = SHORT, env: PodOptions['env'] = {}): PodOptions {
  return { script: CLUSTER, options, env: { WORKERS: String(WORKERS), ...env } };
}

async function ask(port: number, target: string): Promise<RawResponse> {
  const socket = await openRaw(port);
  socket.write(get(target));
  try {
    return await socket.readResponse();
  } finally {
    await socket.close();
  }
}

/** Sends a request whose answer is not awaited. @returns the process that has it. */
async function occupy(pod: TestPod, target: string): Promise<number> {
  const socket = await openRaw(pod.port);
  socket.write(get(target));
  const { text } = await pod.service.waitForLine((line) => line.text.endsWith(` has GET ${target}`));
  return Number.parseInt(text, 10);
}

describe.each([
  { by: 'the hook', hook: true },
  { by: 'SIGTERM alone', hook: false },
])('a cluster of three under load, terminated by $by', ({ hook }) => {
  it('loses nothing, closes workers before the primary, and gives one report', async () => {
    const options = { ...pod(ROLLED, { WORKERS: '3' }), fake: { settleMs: 1_000 } };
    const { tally, ending } = await roll(options, ({ port }) => [`127.0.0.1:${port}`], hook);
    const { timeline, report, detail } = ending;
    expect(tally.lostCount, JSON.stringify(tally.lost.slice(0, 3)) + detail).toBe(0);
    expect(timeline.exit, detail).toEqual({ code: EXIT_CODES.clean, signal: null });
    expect(report, detail).toMatchObject({ outcome: 'clean', registries: [{ name: 'fake', outcome: 'confirmed' }] });
    expect(report.workers, detail).toHaveLength(3);
    for (const worker of report.workers ?? []) {
      expect(worker, detail).toMatchObject({ kind: 'process', outcome: 'ended', exitCode: 0, error: null });
      expect(worker.report, detail).toMatchObject({
        outcome: 'clean',
        trigger: { kind: hook ? 'prestop' : 'signal' },
        lameDuck: { endedBy: 'quiet' },
        closers: [{ name: 'worker', outcome: 'done' }],
      });
      expect(worker.report?.phases.find(({ phase }) => phase === 'draining')?.startedAtMs).toBeGreaterThan(990);
    }
    const answered = (report.workers ?? []).map(({ report: own }) => own?.requests.answered ?? 0);
    expect(report.requests.answered, detail).toBe(answered.reduce((sum, count) => sum + count));
    expect(Math.max(...answered), detail).toBeGreaterThan(0);
  });
});

describe.concurrent('the primary of a cluster', () => {
  it('registers when every worker listens, and not before', async () => {
    const env = { LISTEN_LATER: JSON.stringify({ 2: 1_500 }) };
    await withPod({ ...pod(SHORT, env), fake: {} }, async (pod) => {
      const at = (pattern: RegExp): number => pod.service.lines.findIndex(({ text }) => pattern.test(text));
      const ready = pod.service.lines.filter(({ text }) => /"worker":\d.*"to":"ready"/.test(text));
      expect(ready, pod.output()).toHaveLength(WORKERS);
      const last = pod.service.lines.indexOf(ready[1] ?? expect.fail());
      expect(at(/^registry register 1/), pod.output()).toBeGreaterThan(last);
      expect((await ask(pod.adminPort, '/readyz')).status).toBe(200);
    });
  });

  it('adds its workers up in /status and /metrics, and fails with the one that fails until it is gone', async () => {
    await withPod(pod(SHORT, { REFORK: 'always' }), async (pod) => {
      await occupy(pod, '/never');
      for (let count = 0; count < 10; count++) await ask(pod.port, '/fast');
      const status = JSON.parse((await ask(pod.adminPort, '/status')).body);
      expect(status).toMatchObject({ inFlight: 1, answered: 10, connections: { active: 1 } });
      expect((await ask(pod.adminPort, '/metrics')).body).toContain('prestop_requests_answered_total 10\n');
      expect((await ask(pod.adminPort, '/livez')).status).toBe(200);
      const failing = await occupy(pod, '/fail');
      await pod.event('failed');
      // The line is printed by the worker itself; its primary hears of it a moment later.
      const limit = performance.now() + 5_000;
      let livez = await ask(pod.adminPort, '/livez');
      while (livez.status === 200 && performance.now() < limit) livez = await ask(pod.adminPort, '/livez');
      expect([livez.status, JSON.parse(livez.body).reason]).toEqual([
        503,
        expect.stringMatching(/^worker \d+: stuck on purpose$/),
      ]);
      process.kill(failing, 'SIGKILL');
      await pod.service.waitForHttp(`http://127.0.0.1:${pod.adminPort}/livez`);
    });
  });

  it('closes its workers before its own closers run', async () => {
    await withPod(pod(), async (pod) => {
      const { detail } = await pod.terminate(false);
      const said = pod.service.lines.map(({ text }) => text).filter((text) => text.startsWith('closing'));
      expect(said.slice(0, WORKERS).sort(), detail).toEqual(['closing worker 1', 'closing worker 2']);
      expect(said[WORKERS], detail).toBe('closing the primary');
    });
  });

  it('says Connection: close from t0, and waits for what workers have in flight', async () => {
    await withPod(pod(), async (pod) => {
      await occupy(pod, '/slow?ms=3000');
      const { ended } = await pod.beginTermination(true);
      await until(() => pod.events('terminating').length === 1 + WORKERS, 'every worker was told');
      for (let count = 0; count < 6; count++)
        expect((await ask(pod.port, '/fast')).headers['connection']).toBe('close');
      const { timeline, report, detail } = await ended;
      expect(timeline.hook?.endedAtMs, detail).toBeGreaterThan(2_500);
      expect(report, detail).toMatchObject({ outcome: 'clean', requests: { inFlightAtStart: 1, answered: 7 } });
    });
  });

  it('goes on without a worker that is killed while it drains, and says so', async () => {
    await withPod(pod(), async (pod) => {
      const busy = await occupy(pod, '/never');
      const { ended } = await pod.beginTermination(true);
      await until(() => pod.events('terminating').length === 1 + WORKERS, 'every worker was told');
      process.kill(busy, 'SIGKILL');
      const { timeline, report, detail } = await ended;
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(timeline.totalMs, 'not before the deadline').toBeLessThan(6_000);
      expect(report.outcome, detail).toBe('forced');
      const dead = report.workers?.find(({ pid }) => pid === busy);
      expect(dead, detail).toMatchObject({ outcome: 'died', exitCode: null, signal: 'SIGKILL', report: null });
      const outcomes = report.workers?.map(({ outcome }) => outcome).sort();
      expect(outcomes, detail).toEqual(['died', 'ended']);
    });
  });

  it('names the request that a worker had to cut at the deadline', async () => {
    const options = { terminationGracePeriodSeconds: 5, floorMs: 0 };
    await withPod(pod(options), async (pod) => {
      await occupy(pod, '/never');
      const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 5 });
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(timeline.hook?.endedAtMs, detail).toBeGreaterThan(3_800);
      const cut = [{ method: 'GET', path: '/never', cause: 'deadline' }];
      expect(report, detail).toMatchObject({ outcome: 'forced', requests: { cutCount: 1, cut } });
      const forced = report.workers?.filter(({ report: own }) => own?.outcome === 'forced');
      expect(forced, detail).toMatchObject([
        { outcome: 'ended', exitCode: EXIT_CODES.forced, report: { requests: { cutCount: 1, cut } } },
      ]);
    });
  });

  it('has its workers ready again when no signal follows, with kept-alive connections, and ends clean later', async () => {
    await withPod(pod({ ...SHORT, resumeAfterMs: 300 }), async (pod) => {
      const { hook } = await pod.hookAlone();
      expect(hook?.status).toBe(200);
      await until(() => pod.events('resumed').length === 1 + WORKERS, 'every process resumed');
      await until(() => pod.service.lines.some(({ text }) => text === 'phase ready'), 'the primary is ready');
      expect((await ask(pod.adminPort, '/readyz')).status).toBe(200);
      for (let count = 0; count < 6; count++) {
        expect((await ask(pod.port, '/fast')).headers['connection']).toBe('keep-alive');
      }
      const { timeline, report, detail } = await pod.terminate(true);
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean } });
      expect(report, detail).toMatchObject({ outcome: 'clean', requests: { answered: 0 } });
      expect(
        report.workers?.map(({ outcome }) => outcome),
        detail,
      ).toEqual(['ended', 'ended']);
      expect(
        report.workers?.every(({ drainedAtMs }) => drainedAtMs !== null),
        detail,
      ).toBe(true);
    });
  });

  it('has them listen again after callers that never stopped', async () => {
    const options = { terminationGracePeriodSeconds: 5, floorMs: 0, minDrainMs: 2_000, resumeAfterMs: 300 };
    await withPod(pod(options, { PORT: String(await freePort()) }), async (pod) => {
      const calls = setInterval(() => void ask(pod.port, '/fast').catch(() => {}), 40);
      try {
        const { hook } = await pod.hookAlone();
        const { workers } = JSON.parse(hook?.body ?? '{}');
        expect(workers).toHaveLength(WORKERS);
        for (const { report } of workers) expect(report).toMatchObject({ lameDuck: { endedBy: 'budget' } });
        await until(() => pod.events('resumed').length === 1 + WORKERS, 'every process resumed');
        await pod.service.waitForHttp(`http://127.0.0.1:${pod.adminPort}/readyz`);
      } finally {
        clearInterval(calls);
      }
      expect((await ask(pod.port, '/fast')).headers['connection']).toBe('keep-alive');
      const { report, detail } = await pod.terminate(false);
      expect(report, detail).toMatchObject({ outcome: 'clean' });
      expect(report.workers, detail).toHaveLength(WORKERS);
    });
  });

  it('ends all of them at once on a second signal', async () => {
    await withPod(pod(), async (pod) => {
      await occupy(pod, '/never');
      const { ended } = await pod.beginTermination(false);
      await until(() => pod.events('terminating').length === 1 + WORKERS, 'every worker was told');
      pod.service.signal('SIGTERM');
      const { timeline, report, detail } = await ended;
      expect(timeline.exit, detail).toEqual({ code: EXIT_CODES.secondSignal, signal: null });
      expect(timeline.totalMs, detail).toBeLessThan(4_000);
      expect(
        report.workers?.map(({ outcome }) => outcome),
        detail,
      ).toEqual(['killed', 'killed']);
      await until(() => [...workerPids(pod).values()].every((pid) => !isAlive(pid)), 'no worker is left');
    });
  });

  it('terminates a worker that is started meanwhile', async () => {
    await withPod(pod({ ...SHORT, terminationGracePeriodSeconds: 30 }, { REFORK: 'always' }), async (pod) => {
      const upload = await openRaw(pod.port);
      upload.write(head('POST', '/upload', { 'Content-Length': '2' }));
      const { text } = await pod.service.waitForLine(/ has POST \/upload$/);
      const { ended } = await pod.beginTermination(true, { gracePeriodSeconds: 30 });
      await until(() => pod.events('terminating').length === 1 + WORKERS, 'every worker was told');
      const [idle = -1] = [...workerPids(pod).values()].filter((pid) => pid !== Number.parseInt(text, 10));
      process.kill(idle, 'SIGKILL');
      await until(() => pod.events('terminating').length === 2 + WORKERS, 'the new worker was told');
      upload.write('ok');
      const { timeline, report, detail } = await ended;
      expect((await upload.readResponse()).body).toBe('took 2');
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(report.workers, detail).toHaveLength(1 + WORKERS);
      expect(report.workers?.[WORKERS], detail).toMatchObject({ id: 3, outcome: 'ended', exitCode: 0 });
      expect(report.workers?.[WORKERS]?.report?.phases[0], detail).toMatchObject({ phase: 'deregistering' });
      await until(() => [...workerPids(pod).values()].every((pid) => !isAlive(pid)), 'no worker is left');
    });
  });

  it('leaves no orphans when it dies, and they finish what they have', async () => {
    await withPod(pod(), async (pod) => {
      const socket = await openRaw(pod.port);
      socket.write(get('/slow?ms=1500'));
      await pod.service.waitForLine(/has GET \/slow/);
      await pod.service.kill();
      expect((await socket.readResponse()).status).toBe(200);
      await until(() => [...workerPids(pod).values()].every((pid) => !isAlive(pid)), 'no worker is left');
    });
  });
});

// Alone: all has to happen within two seconds.
it('passes a fast path on', async () => {
  await withPod(pod({ terminationGracePeriodSeconds: 30, floorMs: 8_000 }), async (pod) => {
    await occupy(pod, '/never');
    const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 2 });
    expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
    expect(report, detail).toMatchObject({ budget: { fastPath: true }, requests: { cutCount: 1 } });
    for (const worker of report.workers ?? []) {
      expect(worker, detail).toMatchObject({ outcome: 'ended', report: { budget: { fastPath: true } } });
    }
  });
});

// Alone: it takes a whole processor.
it('kills a worker that answers nothing any more, within the grace period', async () => {
  const options = { terminationGracePeriodSeconds: 5, floorMs: 0 };
  await withPod(pod(options), async (pod) => {
    await occupy(pod, '/block');
    const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 5 });
    expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
    const killed = report.workers?.filter(({ outcome }) => outcome === 'killed');
    expect(killed, detail).toMatchObject([{ signal: 'SIGKILL', drainedAtMs: null, report: null }]);
    expect(isAlive(killed?.[0]?.pid ?? -1)).toBe(false);
  });
});

it('takes Ctrl-C, which reaches every process of the group, as one termination', async () => {
  const service = await startCommand({
    command: [process.execPath, CLUSTER],
    env: { OPTIONS: JSON.stringify({ ...SHORT, admin: { port: 0 } }), npm_lifecycle_event: undefined },
  });
  try {
    const { text } = await service.waitForLine(/^ready /);
    const { port } = JSON.parse(text.slice('ready '.length));
    const socket = await openRaw(port);
    socket.write(get('/slow?ms=1500'));
    await service.waitForLine(/has GET/);
    process.kill(-service.pid, 'SIGINT');
    expect((await socket.readResponse()).status).toBe(200);
    expect(await service.exited).toMatchObject({ code: EXIT_CODES.clean, signal: null });
    const reports = service.lines.filter(({ text: line }) => line.includes('"event":"report"'));
    expect(reports).toHaveLength(1);
    const { report } = JSON.parse(reports[0]?.text ?? '');
    expect(report).toMatchObject({ outcome: 'clean', trigger: { kind: 'signal', detail: 'SIGINT' } });
    expect(report.workers).toHaveLength(3);
  } finally {
    await service.kill();
  }
});
