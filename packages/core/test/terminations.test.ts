import { afterEach, expect, test } from 'vitest';
import { STEERING } from '../src/workers-steering.ts';
import { settle } from './support/fake-clock.ts';
import { Harness } from './support/harness.ts';

afterEach(() => Harness.stopAll());

const RESUME_AFTER_MS = 60_000;

test('a worker that its primary resumes does not resume again by itself, though it was called on its own', async () => {
  const harness = await new Harness({ resumeAfterMs: RESUME_AFTER_MS }).ready();
  const steering = harness.lifecycle[STEERING];
  const terms = {
    terminationGracePeriodSeconds: 30,
    floorMs: 0,
    minDrainMs: 1_000,
    requestsMs: 20_000,
    totalMs: 25_000,
  };
  await harness.resolved(steering.drain({ kind: 'signal' }, terms, { floorPassed: true, proven: true }));
  await harness.resolved(harness.prestop());
  await harness.resolved(steering.resume(1_000));
  await settle();
  expect(harness.clock.pending).toBe(0);
  await harness.clock.advance(RESUME_AFTER_MS + 1);
  expect([harness.lifecycle.phase, harness.events('resumed')]).toEqual(['ready', [{ waitedMs: 1_000 }]]);
});
