import { describe, expect, it } from 'vitest';
import { effectiveGraceSeconds, secondsUntilKill } from '../src/kubelet-arithmetic.ts';

describe('secondsUntilKill', () => {
  it.each([
    { grace: 30, hookMs: 0, seconds: 30 },
    { grace: 20, hookMs: 3000, seconds: 17 },
    { grace: 20, hookMs: 3999, seconds: 17 },
    { grace: 6, hookMs: 2010, seconds: 4 },
    { grace: 4, hookMs: 4000, seconds: 2 },
    { grace: 4, hookMs: 3000, seconds: 2 },
    { grace: 1, hookMs: 0, seconds: 2 },
    { grace: 1, hookMs: 1000, seconds: 2 },
  ])('grants $seconds s of $grace s after a hook of $hookMs ms', ({ grace, hookMs, seconds }) => {
    expect(secondsUntilKill(grace, hookMs)).toBe(seconds);
  });
});

it('counts a grace period of 0 as 1, as the pod worker does', () => {
  expect([0, 1, 30].map(effectiveGraceSeconds)).toEqual([1, 1, 30]);
});
