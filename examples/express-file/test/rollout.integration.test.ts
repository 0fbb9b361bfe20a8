import { rollOut } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { orderPods } from '../src/demo/pods.ts';
import { LONGEST_REQUEST_MS, orderTraffic } from '../src/demo/traffic.ts';

const GRACE_SECONDS = 30;
const REPEATS = 5;
/** What a termination may take beyond the callers' lag and the longest request, in milliseconds. */
const OVERHEAD_MS = 1_500;

interface ReportedLate {
  readonly requests: { readonly late: { readonly lastAfterMs: number } };
  readonly outcome: string;
}

async function rolling(lagMs: number, hook: boolean, seed: number): Promise<void> {
  const { startPod, discover, remove } = orderPods({ hook, gracePeriodSeconds: GRACE_SECONDS });
  const { tally, rolled } = await rollOut({
    startPod,
    gracePeriodSeconds: GRACE_SECONDS,
    warmUpAnswers: 800,
    callers: { discover, requests: orderTraffic, lagMs, count: 40, thinkMs: 60, seed },
  });
  remove();
  const detail = JSON.stringify({
    lost: tally.lost.slice(0, 5),
    rolled: rolled.map(({ timeline, report }) => ({ totalMs: timeline.totalMs, exit: timeline.exit, report })),
  });
  expect(tally.lostCount, detail).toBe(0);
  for (const { timeline, report } of rolled) {
    const { requests, outcome } = report as unknown as ReportedLate;
    expect(timeline.exit, detail).toEqual({ code: 0, signal: null });
    expect(outcome, detail).toBe('clean');
    // On a busy machine the callers themselves are later than their lag; what they really did is what counts.
    const lastCallMs = Math.max(lagMs, requests.late.lastAfterMs);
    expect(timeline.totalMs, detail).toBeLessThan(lastCallMs + LONGEST_REQUEST_MS + OVERHEAD_MS);
  }
}

describe.each([
  { trigger: '/prestop, then SIGTERM', hook: true },
  { trigger: 'SIGTERM alone', hook: false },
])('rolling update of two pods under 40 keep-alive callers, by $trigger', ({ hook }) => {
  it.for([200, 2_000])('loses nothing when the callers learn of it up to %i ms late', async (lagMs) => {
    for (let seed = 1; seed <= REPEATS; seed++) await rolling(lagMs, hook, seed);
  });

  // Long and mostly waiting, so the repeats run beside each other.
  it('loses nothing when the callers learn of it up to 8000 ms late', async () => {
    await Promise.all(Array.from({ length: REPEATS }, (_, index) => rolling(8_000, hook, index + 1)));
  });
});
