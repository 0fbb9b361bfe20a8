import { type Pod, rollOut } from '@prestop/testkit';
import { LONGEST_REQUEST_MS, orderTraffic } from '@prestop-examples/order-service/testing';
import { expect } from 'vitest';

export const GRACE_SECONDS = 30;
export const REPEATS = 5;
/** Five runs behind a real registry: with callers that act on its word at once, and with callers that cache. */
export const RUNS: readonly { readonly lagMs: number; readonly seed: number }[] = [0, 500, 1_000, 2_000, 4_000].map(
  (lagMs, index) => ({ lagMs, seed: index + 1 }),
);
/**
 * What a termination may take beyond floor, lag and the longest request, in milliseconds: the proof, the quiet window and
 * what a busy machine adds. A fixed sleep is longer. How long each of them takes is tested on fake time.
 */
const OVERHEAD_MS = 4_000;
/** From the deletion to the arrival of the hook, and from the report to the end of the process, in milliseconds. */
const AROUND_MS = 3_000;

export interface LosslessRollout {
  readonly startPod: () => Promise<Pod>;
  readonly discover: () => Promise<readonly string[]>;
  /** How late the last caller learns of a removal, in milliseconds. */
  readonly lagMs: number;
  readonly seed: number;
  /** How long a pod serves at the least after its deregistration, in milliseconds. Default 0. */
  readonly floorMs?: number;
}

interface Reported {
  readonly requests: { readonly late: { readonly lastAfterMs: number } };
  readonly outcome: string;
  readonly totalMs: number;
}

/** Rolls two pods under 40 callers and expects that nothing was lost, that all ended clean, and in time. */
export async function expectLosslessRollout(options: LosslessRollout): Promise<void> {
  const { startPod, discover, lagMs, seed, floorMs = 0 } = options;
  const { tally, rolled } = await rollOut({
    startPod,
    gracePeriodSeconds: GRACE_SECONDS,
    warmUpAnswers: 800,
    callers: { discover, requests: orderTraffic, lagMs, count: 40, thinkMs: 60, seed },
  });
  const detail = JSON.stringify({
    lost: tally.lost.slice(0, 5),
    rolled: rolled.map(({ timeline, report }) => ({ totalMs: timeline.totalMs, exit: timeline.exit, report })),
  });
  expect(tally.lostCount, detail).toBe(0);
  expect(rolled, detail).toHaveLength(2);
  for (const { timeline, report } of rolled) {
    const { requests, outcome, totalMs } = report as unknown as Reported;
    expect(timeline.exit, detail).toEqual({ code: 0, signal: null });
    expect(outcome, detail).toBe('clean');
    // On a busy machine the callers themselves are later than their lag; what they really did is what counts.
    const lastCallMs = Math.max(lagMs, floorMs, requests.late.lastAfterMs);
    expect(totalMs, detail).toBeLessThan(lastCallMs + LONGEST_REQUEST_MS + OVERHEAD_MS);
    expect(timeline.totalMs, detail).toBeLessThan(totalMs + AROUND_MS);
  }
}
