const FIRST_MS = 150;
const LONGEST_MS = 2_000;

/**
 * Pause before the next try after `failures` of them, in milliseconds: doubling from 150 ms to 2 s, with "equal jitter"
 * (half fixed, half random), so that the pods of one rollout do not ask in step.
 */
export function retryDelay(failures: number, random: () => number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return full / 2 + (full / 2) * random();
}
