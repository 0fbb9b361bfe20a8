import { seededRandom } from '@prestop/testkit';
import { expect, test } from 'vitest';
import { estimate, median } from '../src/statistics.ts';

test('the median is the middle, or between the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('an estimate gives the same bounds for the same values, and they hold the median', () => {
  const random = seededRandom(7);
  const groups = Array.from({ length: 4 }, () => Array.from({ length: 20 }, () => 1 + random() / 10));
  const first = estimate(groups);
  expect(estimate(groups)).toEqual(first);
  expect(first.low).toBeLessThan(first.median);
  expect(first.high).toBeGreaterThan(first.median);
  expect(first.high - first.low).toBeLessThan(0.05);
});

test('what sets groups apart widens the bounds', () => {
  const widthOf = (groups: number[][]): number => estimate(groups).high - estimate(groups).low;
  const alike = [
    [1, 1.1, 1.2],
    [1, 1.1, 1.2],
    [1, 1.1, 1.2],
  ];
  const apart = [
    [1, 1, 1],
    [1.1, 1.1, 1.1],
    [1.2, 1.2, 1.2],
  ];
  expect(widthOf(apart)).toBeGreaterThanOrEqual(widthOf(alike));
});
