import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const ANSWERED_WITHIN_MS = 2_500;

describe('an idle pod with a confirmed registry and default settings', () => {
  it('answers /prestop within 2.5 s', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'prestop-idle-'));
    try {
      // One after another: beside each other they would measure the machine.
      for (let run = 1; run <= REPEATS; run++) {
        await withPod({ env: { FILE_REGISTRY: dir } }, async (pod) => {
          expect((await readdir(dir)).filter((name) => name.endsWith('.json')).length, 'registered').toBe(1);
          const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 30 });
          const message = `run ${run} of ${REPEATS}: ${detail}`;
          expect(timeline, message).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
          expect(timeline.hook?.status, message).toBe(200);
          const answeredMs = (timeline.hook?.endedAtMs ?? Number.NaN) - (timeline.hook?.startedAtMs ?? 0);
          expect(answeredMs, message).toBeLessThanOrEqual(ANSWERED_WITHIN_MS);
          expect(report.registries, message).toMatchObject([{ name: 'file', outcome: 'confirmed', answer: 'removed' }]);
          expect(report.lameDuck, message).toMatchObject({ endedBy: 'quiet', floorMs: 1_000 });
          expect(
            (await readdir(dir)).filter((name) => name.endsWith('.json')),
            message,
          ).toEqual([]);
        });
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
