import { seededRandom } from '@prestop/testkit';
import { expect, test } from 'vitest';
import { estimate, mean, median } from '../src/statistics.ts';

test('the median is the middle, or between the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('the mean', () => {
  expect(mean([3, 1, 2, 6])).toBe(3);
  expect(mean([])).toBeNaN();
});

test('an estimate gives the same bounds for the same values, and they hold the median', () => {
  const random = seededRandom(7);
  const values = Array.from({ length: 20 }, () => 1 + random() / 10);
  const first = estimate(values);
  expect(estimate(values)).toEqual(first);
  expect(first.low).toBeLessThan(first.median);
  expect(first.high).toBeGreaterThan(first.median);
  expect(first.high - first.low).toBeLessThan(0.06);
});

test('what is further apart has wider bounds', () => {
  const widthOf = (values: number[]): number => estimate(values).high - estimate(values).low;
  expect(widthOf([1, 1.1, 1.2, 1.3, 1.4])).toBeGreaterThan(widthOf([1, 1.01, 1.02, 1.03, 1.04]));
});
