import { seededRandom } from '@prestop/testkit';

/** The middle of the sorted values, or the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** NaN for none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A median with the bounds between which it is in 95 of 100 samples like this one. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/** Bootstrap, with a fixed seed: the same values give the same bounds. */
export function estimate(values: readonly number[]): Estimate {
  const random = seededRandom(1);
  const resampled = (): number[] => values.map(() => values[Math.floor(random() * values.length)] as number);
  const medians = Array.from({ length: RESAMPLES }, () => median(resampled())).toSorted((left, right) => left - right);
  const at = (part: number): number => medians[Math.floor(part * (RESAMPLES - 1))] ?? Number.NaN;
  return { median: median(values), low: at(0.025), high: at(0.975) };
}
