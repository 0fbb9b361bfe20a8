import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retryDelay } from '../src/retry.ts';

test('doubles from 150 ms to 2 s', () => {
  const longest = Array.from({ length: 7 }, (_, index) => retryDelay(index + 1, () => 1));
  expect(longest).toEqual([150, 300, 600, 1_200, 2_000, 2_000, 2_000]);
});

test('half of it is chance, so that the pods of one rollout do not ask in step', () => {
  expect([retryDelay(1, () => 0), retryDelay(1, () => 0.5)]).toEqual([75, 112.5]);
});

test('stays within 75 ms and 2 s after any number of failures', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
      const delay = retryDelay(failures, () => chance);
      expect(delay).toBeGreaterThanOrEqual(75);
      expect(delay).toBeLessThanOrEqual(2_000);
    }),
  );
});
