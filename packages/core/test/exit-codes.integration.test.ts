import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { repeatedly, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const OPTIONS: LifecycleOptions = {
  terminationGracePeriodSeconds: 3,
  floorMs: 0,
  quiet: { minMs: 100, maxMs: 100 },
};

describe.concurrent('the exit code', () => {
  it('of a closer that throws, beside one that is done', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS, env: { CLOSERS: '{"broken":"throws","pool":50}' } }, async (pod) => {
        const { timeline, report, detail } = await pod.terminate(number % 2 === 0, { gracePeriodSeconds: 3 });
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.closerFailed } });
        expect(report, detail).toMatchObject({
          outcome: 'closer-failed',
          closers: [
            { name: 'broken', outcome: 'failed', error: 'on purpose' },
            { name: 'pool', outcome: 'done', error: null },
          ],
        });
      }),
    );
  });

  it('of a closer that never ends: given up before SIGKILL', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS, env: { CLOSERS: '{"stuck":"never","pool":50}' } }, async (pod) => {
        const { timeline, report, detail } = await pod.terminate(number % 2 === 0, { gracePeriodSeconds: 3 });
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.closerFailed } });
        expect(timeline.totalMs, detail).toBeLessThan(3_000);
        expect(report.closers, detail).toMatchObject([
          { name: 'stuck', outcome: 'timed-out' },
          { name: 'pool', outcome: 'done' },
        ]);
      }),
    );
  });

  it('of an uncaught exception: the others are answered first', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ options: { ...OPTIONS, faults: 'terminate' } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=500'));
        await pod.entered('GET /slow?ms=500');
        const faulty = await pod.open();
        faulty.write(get('/throw'));
        expect((await busy.readResponse()).body).toBe('slow ');
        expect((await pod.service.exited).code, pod.output()).toBe(EXIT_CODES.fault);
        expect(pod.events('report'), pod.output()).toMatchObject([
          { report: { outcome: 'fault', trigger: { kind: 'fault', detail: 'a fault' }, requests: { cutCount: 0 } } },
        ]);
      }),
    );
  });
});
