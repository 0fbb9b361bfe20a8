import { describe, it } from 'vitest';
import { expectLosslessRollout, GRACE_SECONDS, REPEATS } from '../../order-service/test/lossless-rollout.ts';
import { orderPods } from '../src/demo/pods.ts';

/** Five rollouts of some 10 s each, on a machine that may have other work. */
const TIMEOUT_MS = 180_000;

async function rolling(lagMs: number, hook: boolean, seed: number): Promise<void> {
  const { startPod, discover, remove } = orderPods({ hook, gracePeriodSeconds: GRACE_SECONDS });
  try {
    await expectLosslessRollout({ startPod, discover, lagMs, seed });
  } finally {
    remove();
  }
}

describe.each([
  { trigger: '/prestop, then SIGTERM', hook: true },
  { trigger: 'SIGTERM alone', hook: false },
])('rolling update of two pods under 40 keep-alive callers, by $trigger', ({ hook }) => {
  it.for([200, 2_000])(
    'loses nothing when the callers learn of it up to %i ms late',
    { timeout: TIMEOUT_MS },
    async (lagMs) => {
      for (let seed = 1; seed <= REPEATS; seed++) await rolling(lagMs, hook, seed);
    },
  );

  // Long and mostly waiting, so two run beside each other; more would measure the machine and not the service.
  it('loses nothing when the callers learn of it up to 8000 ms late', { timeout: TIMEOUT_MS }, async () => {
    for (let seed = 1; seed <= REPEATS; seed += 2) {
      await Promise.all([rolling(8_000, hook, seed), rolling(8_000, hook, seed + 1)]);
    }
  });
});
