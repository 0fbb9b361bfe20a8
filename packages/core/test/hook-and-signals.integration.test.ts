import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { openRaw } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get, head, post } from './fixtures/messages.ts';
import { type Ending, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const GRACE_SECONDS = 30;
/** Long enough for whatever happens in the middle to happen in the middle. */
const FLOOR_MS = 800;
const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: GRACE_SECONDS, quiet: { minMs: 100, maxMs: 100 } };
const POD = { options: OPTIONS, fake: { settleMs: FLOOR_MS } };
const GRACE = { gracePeriodSeconds: GRACE_SECONDS };

function expectOneTermination(pod: TestPod, { timeline, report, detail }: Ending): void {
  expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean, signal: null } });
  expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
  expect(pod.events('terminating').length, pod.output()).toBe(1);
  expect(pod.events('report').length, pod.output()).toBe(1);
  const phases = ['deregistering', 'lame-duck', 'draining', 'closing', 'terminated'];
  expect(
    report.phases.map(({ phase }) => phase),
    detail,
  ).toEqual(phases);
  expect(pod.service.lines.filter(({ text }) => text.startsWith('registry register')).length).toBe(1);
}

function expectAnswered({ timeline, detail }: Ending, hooks: number): void {
  const answers = timeline.hooks.map(({ status, error }) => ({ status, error }));
  expect(answers, detail).toEqual(Array.from({ length: hooks }, () => ({ status: 200, error: undefined })));
}

/** A call of the admin server; resolves when the answer is there. */
async function call(
  pod: TestPod,
  message: string,
  isHead = false,
): Promise<{ readonly status: number; readonly body: string }> {
  const socket = await openRaw(pod.adminPort);
  socket.write(message);
  return socket.readResponse({ head: isHead, timeoutMs: 30_000 });
}

describe.concurrent('the hook, then SIGTERM', () => {
  it.each(['/prestop', '//prestop', '/prestop?x=1', '///prestop/?a=b&c=d'])(
    'is one termination by GET %s',
    async (path) => {
      await repeatedly(REPEATS, () =>
        withPod(POD, async (pod) => {
          const ending = await pod.terminate(true, { ...GRACE, preStop: { port: pod.adminPort, path } });
          expectOneTermination(pod, ending);
          expectAnswered(ending, 1);
          expect(ending.report.trigger, ending.detail).toEqual({ kind: 'prestop' });
          expect(ending.report.joined, ending.detail).toMatchObject([{ kind: 'signal', detail: 'SIGTERM' }]);
          const answer = JSON.parse(ending.timeline.hook?.body ?? '');
          expect(answer).toMatchObject({ version: 1, outcome: 'drained', exitCode: null });
        }),
      );
    },
  );

  it.each(['at-once', 'after-answer'] as const)(
    'is one termination when the hook comes twice, %s',
    async (redelivery) => {
      await repeatedly(REPEATS, () =>
        withPod(POD, async (pod) => {
          const ending = await pod.terminate(true, { ...GRACE, redelivery });
          expectOneTermination(pod, ending);
          expectAnswered(ending, 2);
          expect(
            ending.report.joined.map(({ kind }) => kind),
            ending.detail,
          ).toEqual(['prestop', 'signal']);
        }),
      );
    },
  );

  it('is one termination when the kubelet dies with its connections and begins again', async () => {
    await repeatedly(REPEATS, () =>
      withPod(POD, async (pod) => {
        const ending = await pod.terminate(true, { ...GRACE, redelivery: { kubeletRestartAfterMs: 300 } });
        expectOneTermination(pod, ending);
        const { timeline, report, detail } = ending;
        expect(timeline.hooks, detail).toMatchObject([{ error: 'CUT' }, { status: 200 }]);
        expect(report.joined, detail).toMatchObject([{ kind: 'prestop' }, { kind: 'signal' }]);
        expect(report.budget.fastPath, detail).toBe(false);
      }),
    );
  });

  it('is one termination when the grace period is shortened in the middle', async () => {
    await repeatedly(REPEATS, () =>
      withPod(POD, async (pod) => {
        const graceShortened = { afterMs: 300, gracePeriodSeconds: 5 };
        const ending = await pod.terminate(true, { ...GRACE, graceShortened });
        expectOneTermination(pod, ending);
        expectAnswered(ending, 2);
      }),
    );
  });

  it('is one termination by GET, HEAD and POST at once, and all are answered at the end of the drain', async () => {
    await repeatedly(REPEATS, () =>
      withPod(POD, async (pod) => {
        const startedAt = performance.now();
        const [fromGet, fromHead, fromPost] = await Promise.all([
          call(pod, get('/prestop')),
          call(pod, head('HEAD', '/prestop'), true),
          call(pod, post('/prestop', 'a body of no use')),
        ]);
        expect(performance.now() - startedAt).toBeGreaterThan(FLOOR_MS);
        expect([fromGet.status, fromHead.status, fromPost.status]).toEqual([200, 200, 200]);
        expect(JSON.parse(fromPost.body)).toMatchObject({ outcome: 'drained' });
        expectOneTermination(pod, await pod.terminate(false, GRACE));
      }),
    );
  });
});

describe.concurrent('SIGTERM after the hook was lost', () => {
  it('is no fast path when the connection of the hook was lost: the whole sequence', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, fake: { settleMs: 2_500 } }, async (pod) => {
        const hook = await openRaw(pod.adminPort);
        hook.write(get('/prestop', { 'User-Agent': 'kube-lifecycle/1.34' }));
        await pod.event('terminating');
        hook.reset();
        // Two calls later the service has read the reset that was sent before them.
        for (let number = 0; number < 2; number++) expect((await call(pod, get('/livez'))).status).toBe(200);
        const ending = await pod.terminate(false, GRACE);
        expectOneTermination(pod, ending);
        expect(ending.report, ending.detail).toMatchObject({
          trigger: { kind: 'prestop' },
          joined: [{ kind: 'signal' }],
          budget: { fastPath: false },
          lameDuck: { endedBy: 'quiet' },
        });
        expect(ending.report.totalMs, 'the floor was kept').toBeGreaterThan(2_500);
      }),
    );
  });
});

describe.concurrent('SIGTERM first, then the hook', () => {
  it('is one termination, and the hook is answered before the exit', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, fake: { settleMs: 2_000 } }, async (pod) => {
        const { ended } = await pod.beginTermination(false, GRACE);
        const answers = await Promise.all([call(pod, get('/prestop')), call(pod, get('//prestop'))]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        const ending = await ended;
        expectOneTermination(pod, ending);
        expect(ending.report, ending.detail).toMatchObject({
          trigger: { kind: 'signal', detail: 'SIGTERM' },
          joined: [{ kind: 'prestop' }, { kind: 'prestop' }],
          budget: { fastPath: false },
        });
      }),
    );
  });

  it('is answered at once when only the closers still run', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, env: { CLOSERS: '{"pool":500}' } }, async (pod) => {
        const { ended } = await pod.beginTermination(false, GRACE);
        await pod.service.waitForLine(/^closing pool/);
        expect((await call(pod, get('/prestop'))).status).toBe(200);
        expectOneTermination(pod, await ended);
      }),
    );
  });
});

describe.concurrent('a second signal', () => {
  it.each([
    { first: 'SIGTERM', second: 'SIGTERM' },
    { first: 'SIGTERM', second: 'SIGINT' },
    { first: 'SIGINT', second: 'SIGINT' },
  ] as const)('ends at once, by its own exit code: $first, $second', async ({ first, second }) => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, fake: { settleMs: 10_000 }, env: { CLOSERS: '{"pool":0}' } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/never'));
        await pod.entered('GET /never');
        pod.service.signal(first);
        await pod.service.waitForLine(/"to":"lame-duck"/);
        const signalledAt = performance.now();
        pod.service.signal(second);
        const { code, atMs } = await pod.service.exited;
        expect(code, pod.output()).toBe(EXIT_CODES.secondSignal);
        expect(atMs - signalledAt).toBeLessThan(1_500);
        const report = {
          outcome: 'second-signal',
          exitCode: EXIT_CODES.secondSignal,
          trigger: { detail: first },
          requests: { cutCount: 1, cut: [{ path: '/never', cause: 'second-signal' }] },
          closers: [{ name: 'pool', outcome: 'skipped' }],
          registries: [{ outcome: 'confirmed' }],
        };
        expect(pod.events('report'), pod.output()).toMatchObject([{ report }]);
        expect(pod.output(), 'no closer is begun').not.toContain('closing pool');
      }),
    );
  });
});
