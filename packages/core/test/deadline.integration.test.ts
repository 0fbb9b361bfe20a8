import { type CutRequest, EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get, head } from './fixtures/messages.ts';
import { type Ending, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const GRACE_SECONDS = 4;
const DEADLINE_MS = 2_000;
const OPTIONS: LifecycleOptions = {
  terminationGracePeriodSeconds: GRACE_SECONDS,
  // Longer than the default: a dozen processes on a busy machine end within it, and SIGKILL finds none of them.
  reserveMs: GRACE_SECONDS * 1_000 - DEADLINE_MS,
  floorMs: 0,
  quiet: { minMs: 100, maxMs: 100 },
};

const terminate = (pod: TestPod, hook: boolean) => pod.beginTermination(hook, { gracePeriodSeconds: GRACE_SECONDS });

/** The cut requests in the order of their paths, without their ages. */
function cutOf({ report }: Ending): readonly Omit<CutRequest, 'ageMs'>[] {
  const cut = report.requests.cut.map(({ method, path, cause }) => ({ method, path, cause }));
  return cut.toSorted((left, right) => left.path.localeCompare(right.path));
}

function expectForced({ timeline, report, detail }: Ending): void {
  // Not killed is in time: after a hook the kubelet leaves 2 s at the least, whatever is left of the grace period.
  expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced, signal: null } });
  expect(timeline.totalMs, detail).toBeGreaterThan(DEADLINE_MS - 50);
  expect(report, detail).toMatchObject({ outcome: 'forced', exitCode: EXIT_CODES.forced });
}

describe.concurrent('a handler that never answers', () => {
  it.each([
    // SIGTERM comes only when the hook has been answered, which is at the deadline.
    { trigger: '/prestop, then SIGTERM', hook: true },
    { trigger: 'SIGTERM alone', hook: false },
  ])('is ended at the deadline, before SIGKILL, and named in the report: $trigger', async ({ hook }) => {
    await repeatedly(REPEATS, () =>
      withPod({ options: OPTIONS, env: { CLOSERS: '{"pool":0}' } }, async (pod) => {
        const socket = await pod.open();
        socket.write(get('/never?token=secret'));
        await pod.entered('GET /never?token=secret');
        const { ended } = await terminate(pod, hook);
        await expect(socket.readResponse(), 'no answer is made up').rejects.toMatchObject({
          code: 'ERR_TESTKIT_RAW_CLOSED',
        });
        const ending = await ended;
        expectForced(ending);
        const { report, detail } = ending;
        expect(cutOf(ending), detail).toEqual([{ method: 'GET', path: '/never', cause: 'deadline' }]);
        expect(report.requests, detail).toMatchObject({ inFlightAtStart: 1, answered: 0, cutCount: 1 });
        const age = report.requests.cut[0]?.ageMs;
        expect(age, 'it came before t0').toBeGreaterThanOrEqual(DEADLINE_MS - 20);
        expect(age, detail).toBeLessThan(GRACE_SECONDS * 1_000);
        expect(pod.events('cut').length, 'told once').toBe(1);
        expect(report.closers, detail).toMatchObject([{ name: 'pool', outcome: 'done' }]);
        expect(pod.output()).not.toContain('token=secret"');
      }),
    );
  });

  it('does not take others with it: what can be answered before the deadline is', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS }, async (pod) => {
        const [never, slow, unfinished] = [await pod.open(), await pod.open(), await pod.open()];
        never.write(get('/never'));
        slow.write(get('/slow?ms=1000'));
        unfinished.write(`${head('POST', '/upload', { 'Content-Length': '100' })}half`);
        await pod.entered('GET /never');
        await pod.entered('GET /slow?ms=1000');
        await pod.entered('POST /upload');
        const { ended } = await terminate(pod, number % 2 === 0);
        expect(await slow.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
        const ending = await ended;
        expectForced(ending);
        expect(cutOf(ending), ending.detail).toEqual([
          { method: 'GET', path: '/never', cause: 'deadline' },
          { method: 'POST', path: '/upload', cause: 'deadline' },
        ]);
        expect(ending.report.requests, ending.detail).toMatchObject({ inFlightAtStart: 3, answered: 1, cutCount: 2 });
      }),
    );
  });

  it('is counted with all its like, and the first twenty are named', async () => {
    await withPod({ options: OPTIONS }, async (pod) => {
      const sockets = await Promise.all(Array.from({ length: 5 }, () => pod.open()));
      // Pipelined: none of them ever gets its turn.
      for (const socket of sockets) socket.write(get('/never').repeat(5));
      await pod.entered('GET /never', 25);
      const { ended } = await terminate(pod, true);
      const ending = await ended;
      expectForced(ending);
      expect(ending.report.requests.cutCount, ending.detail).toBe(25);
      expect(ending.report.requests.cut.length, ending.detail).toBe(20);
      expect(pod.events('cut').length).toBe(25);
    });
  });
});

describe.concurrent('a stream that never ends', () => {
  it('is told that the service drains, ends by itself, and nothing is cut', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: { ...OPTIONS, terminationGracePeriodSeconds: 30 } }, async (pod) => {
        const socket = await pod.open();
        socket.write(get('/stream'));
        await pod.entered('GET /stream');
        const { ended } = await pod.beginTermination(number % 2 === 0, { gracePeriodSeconds: 30 });
        expect((await socket.readResponse()).body).toMatch(/data: bye\n\n$/);
        const { timeline, report, detail } = await ended;
        await pod.service.waitForLine(/^drain aborted, deadline false$/);
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean, signal: null } });
        expect(timeline.totalMs, 'long before the deadline').toBeLessThan(5_000);
        expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
      }),
    );
  });

  it('is cut at the deadline when it does not listen', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS }, async (pod) => {
        const socket = await pod.open();
        socket.write(get('/deaf-stream'));
        await pod.entered('GET /deaf-stream');
        const { ended } = await terminate(pod, number % 2 === 0);
        const ending = await ended;
        expectForced(ending);
        expect(cutOf(ending), ending.detail).toEqual([{ method: 'GET', path: '/deaf-stream', cause: 'deadline' }]);
      }),
    );
  });
});

describe.concurrent('the deadline signal of a request', () => {
  it('aborts before the cut, early enough to answer', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS }, async (pod) => {
        const socket = await pod.open();
        socket.write(get('/until-deadline'));
        await pod.entered('GET /until-deadline');
        const { ended } = await terminate(pod, number % 2 === 0);
        expect(await socket.readResponse()).toMatchObject({ status: 503, body: 'out of time' });
        const { timeline, report, detail } = await ended;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean, signal: null } });
        expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0, answered: 1 } });
      }),
    );
  });
});
