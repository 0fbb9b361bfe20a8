import { fileURLToPath } from 'node:url';
import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { type PodOptions, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = {
  terminationGracePeriodSeconds: 4,
  floorMs: 0,
  quiet: { minMs: 100, maxMs: 100 },
  resumeAfterMs: 300,
};
const CONSUMER: PodOptions = {
  script: fileURLToPath(new URL('./fixtures/consumer.mjs', import.meta.url)),
  options: OPTIONS,
};

/** Numbers of the messages that were taken, or done, so far. */
function messages(pod: TestPod, what: 'took' | 'done'): number[] {
  const said = pod.service.lines.map(({ text }) => new RegExp(`^${what} (\\d+)$`).exec(text)?.[1]);
  return said.flatMap((number) => (number === undefined ? [] : [Number(number)]));
}

describe.concurrent('a consumer that holds its messages', () => {
  it('loses none, by the hook and by the signal alone, and closes its queue after the last of them', async () => {
    await repeatedly(4, (number) =>
      withPod({ ...CONSUMER, env: { MESSAGE_MS: '300' } }, async (pod) => {
        await until(() => messages(pod, 'took').length >= 2, 'it consumes');
        const { timeline, report, detail } = await pod.terminate(number % 2 === 0, { gracePeriodSeconds: 4 });
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean } });
        expect(messages(pod, 'done'), pod.output()).toEqual(messages(pod, 'took'));
        const lines = pod.output();
        expect(lines.lastIndexOf('\ndone '), lines).toBeLessThan(lines.indexOf('the queue is closed'));
        expect(report.held, detail).toMatchObject({ cutCount: 0 });
        expect(report.held.released, detail).toBeGreaterThan(0);
      }),
    );
  });

  it('confesses the message that it could not finish', async () => {
    await withPod({ ...CONSUMER, env: { MESSAGE_MS: '60000' } }, async (pod) => {
      await until(() => messages(pod, 'took').length === 1, 'it consumes');
      const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 4 });
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(report, detail).toMatchObject({ outcome: 'forced', held: { atStart: 1, released: 0, cutCount: 1 } });
      const [cut] = report.held.cut;
      expect(cut, detail).toMatchObject({ name: 'orders' });
      expect(cut?.ageMs, detail).toBeGreaterThan(3_000);
    });
  });

  it('consumes again after a resume', async () => {
    await withPod({ ...CONSUMER, env: { MESSAGE_MS: '50' } }, async (pod) => {
      await pod.hookAlone();
      await pod.event('resumed');
      const before = messages(pod, 'took').length;
      await until(() => messages(pod, 'took').length > before, 'it consumes again');
    });
  });
});
