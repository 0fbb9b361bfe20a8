import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { openRaw } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { type Ending, type PodOptions, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
/** What SIGTERM leaves in the worst case. */
const FAST_MS = 2_000;
const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 30, quiet: { minMs: 100, maxMs: 100 } };
/** Its lame duck would last for longer than the pod is granted. */
const POD: PodOptions = { options: OPTIONS, fake: { settleMs: 10_000 } };

describe('SIGTERM while the hook waits', () => {
  /** The pod gets 1 s where its manifest said 30: the kubelet gives the hook up and sends SIGTERM. */
  const SHORT = { gracePeriodSeconds: 1 };

  async function fastPath(pod: TestPod, target: string): Promise<{ readonly ending: Ending; readonly answer: string }> {
    const busy = await pod.open();
    busy.write(get(target));
    await pod.entered(`GET ${target}`);
    const { ended } = await pod.beginTermination(true, SHORT);
    const answer = await busy.readResponse().then(
      ({ status }) => String(status),
      (error) => error.code,
    );
    const ending = await ended;
    const { timeline, report, detail } = ending;
    expect((timeline.exitedAtMs ?? 0) - (timeline.sigtermAtMs ?? 0), detail).toBeLessThan(FAST_MS);
    expect(timeline.killed, detail).toBe(false);
    expect(timeline.hooks, detail).toMatchObject([{ status: 200 }]);
    expect(report, detail).toMatchObject({ budget: { fastPath: true }, lameDuck: { endedBy: 'fast-path' } });
    return { ending, answer };
  }

  it('takes the fast path: ended in less than 2 s, what was in flight and the hook answered', async () => {
    await repeatedly(REPEATS, () =>
      withPod(POD, async (pod) => {
        const { ending, answer } = await fastPath(pod, '/slow?ms=1700');
        expect(answer).toBe('200');
        expect(ending.timeline.exit, ending.detail).toEqual({ code: EXIT_CODES.clean, signal: null });
        expect(ending.report, ending.detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
        expect(pod.events('terminating').length, pod.output()).toBe(1);
      }),
    );
  });

  it('is not held up at its end by a closer that hangs and a connection that somebody keeps to the admin port', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, env: { CLOSERS: '{"pool":"never"}' } }, async (pod) => {
        const kept = await openRaw(pod.adminPort);
        kept.write('GET /status HTTP/1.1\r\n');
        const { ending } = await fastPath(pod, '/never');
        const { timeline, report, detail } = ending;
        expect(timeline.exit, detail).toEqual({ code: EXIT_CODES.forced, signal: null });
        expect(report.closers, detail).toMatchObject([{ name: 'pool', outcome: 'timed-out' }]);
        expect((timeline.exitedAtMs ?? 0) - (timeline.sigtermAtMs ?? 0), detail).toBeLessThan(1_900);
      }),
    );
  });

  it('cuts what cannot be answered in that time, names it, and runs the closers', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ ...POD, env: { CLOSERS: '{"pool":100}' } }, async (pod) => {
        const { ending, answer } = await fastPath(pod, '/never');
        expect(answer).toBe('ERR_TESTKIT_RAW_CLOSED');
        const { timeline, report, detail } = ending;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced, signal: null } });
        expect(report, detail).toMatchObject({
          outcome: 'forced',
          requests: { cutCount: 1, cut: [{ path: '/never', cause: 'deadline' }] },
          closers: [{ name: 'pool', outcome: 'done' }],
        });
      }),
    );
  });
});
