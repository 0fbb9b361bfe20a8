import { EXIT_CODES, TOKEN_HEADER } from '@prestop/core';
import { openRaw, type PreStopHook } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from '../../core/test/fixtures/messages.ts';
import { type PodOptions, repeatedly, type TestPod, withPod } from '../../core/test/fixtures/pod.ts';
import { SERVICE, VERSIONS } from './fixtures/versions.ts';

const REPEATS = 5;
const TOKEN = 'correct-horse-battery';
const OPTIONS = {
  terminationGracePeriodSeconds: 30,
  admin: false,
  floorMs: 300,
  quiet: { minMs: 100, maxMs: 100 },
} as const;

describe.each(VERSIONS)("the hook on the application's own port, on $version", ({ module }) => {
  const single: PodOptions = {
    script: SERVICE,
    options: OPTIONS,
    env: { EXPRESS: module, ENDPOINTS: JSON.stringify({ endpoints: 'all', token: TOKEN }) },
  };
  const hookOf = (pod: TestPod, fields: Record<string, string> = {}): PreStopHook => ({
    port: pod.port,
    path: '/prestop',
    headers: { [TOKEN_HEADER]: TOKEN, ...fields },
  });

  // The kubelet says who it is, but for manifests that override it; the drain must not wait for its own caller.
  it.each([
    { caller: 'the kubelet', fields: {} },
    { caller: 'anybody else', fields: { 'User-Agent': 'curl/8.0' } },
  ])('does not wait for itself, and is answered when the drain is over: called by $caller', async ({ fields }) => {
    await repeatedly(REPEATS, () =>
      withPod(single, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=800'));
        await pod.entered('GET /slow?ms=800');
        const { ended } = await pod.beginTermination(true, { gracePeriodSeconds: 30, preStop: hookOf(pod, fields) });
        expect(await busy.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
        const { timeline, report, detail } = await ended;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean, signal: null } });
        expect(timeline.hook, detail).toMatchObject({ status: 200 });
        expect(timeline.hook?.error, detail).toBeUndefined();
        expect(timeline.totalMs, detail).toBeLessThan(5_000);
        expect(report, detail).toMatchObject({
          outcome: 'clean',
          trigger: { kind: 'prestop' },
          requests: { inFlightAtStart: 1, answered: 1, cutCount: 0, late: { count: 0 } },
        });
      }),
    );
  });

  it('is answered before the exit when SIGTERM came first', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...single, options: { ...OPTIONS, floorMs: 2_000 } }, async (pod) => {
        const { ended } = await pod.beginTermination(false, { gracePeriodSeconds: 30 });
        const hook = await openRaw(pod.port);
        hook.write(get('/prestop', { [TOKEN_HEADER]: TOKEN }));
        expect(await hook.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
        const { timeline, report, detail } = await ended;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean, signal: null } });
        expect(report, detail).toMatchObject({ joined: [{ kind: 'prestop' }], requests: { cutCount: 0 } });
      }),
    );
  });

  it('is answered on the fast path too, although a request is cut there', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...single, options: { ...OPTIONS, floorMs: 10_000 } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/never'));
        await pod.entered('GET /never');
        const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 1, preStop: hookOf(pod) });
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced, signal: null } });
        expect(timeline.hook, detail).toMatchObject({ status: 200 });
        expect(timeline.hook?.error, detail).toBeUndefined();
        expect(report, detail).toMatchObject({
          budget: { fastPath: true },
          requests: { cutCount: 1, cut: [{ method: 'GET', path: '/never', cause: 'deadline' }] },
        });
      }),
    );
  });

  it('is refused without the token, and the service goes on', async () => {
    await withPod(single, async (pod) => {
      const socket = await pod.open();
      socket.write(get('/prestop'));
      expect((await socket.readResponse()).status).toBe(403);
      expect(await pod.event('refused')).toMatchObject({ level: 'error', endpoint: '/prestop' });
      expect(pod.events('terminating')).toEqual([]);
      const { report, detail } = await pod.terminate(false, { gracePeriodSeconds: 30 });
      expect(report.outcome, detail).toBe('clean');
    });
  });
});
