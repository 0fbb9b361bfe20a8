import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../src/defaults.ts';
import { judgeQuiet, type QuietInput, quietWindow } from '../src/quiet.ts';

const rule = DEFAULTS.quiet;

function windowOf(meanGapMs: number | undefined, recurringGapMs = 0): [number, string] {
  const { windowMs, basis } = quietWindow({ lastAt: 0, meanGapMs, recurringGapMs }, rule);
  return [windowMs, basis];
}

describe('the window', () => {
  test('is the minimum where no rate is known, and for busy traffic', () => {
    expect(windowOf(undefined)).toEqual([1_000, 'floor']);
    expect(windowOf(1)).toEqual([1_000, 'rate']);
    expect(windowOf(1_000 / 7)).toEqual([1_000, 'rate']);
  });

  test('is seven mean gaps in between, and the maximum from there on', () => {
    expect(windowOf(200)).toEqual([1_400, 'rate']);
    expect(windowOf(700)).toEqual([4_900, 'rate']);
    expect(windowOf(1_000)).toEqual([5_000, 'rate']);
  });

  test('is half as long again as a pause that recurs', () => {
    expect(windowOf(20, 2_000)).toEqual([3_000, 'bursts']);
    expect(windowOf(20, 4_000)).toEqual([5_000, 'bursts']);
  });

  test('is the minimum where even the maximum proves nothing: fewer than three requests can have failed to come', () => {
    expect(windowOf(5_000 / 3)).toEqual([5_000, 'rate']);
    expect(windowOf(5_000 / 3 + 1, 4_000)).toEqual([1_000, 'floor']);
    expect(windowOf(10_000, 10_000)).toEqual([1_000, 'floor']);
  });

  test('is long enough for one caller with a timer, however slow, as long as its pause can be waited for', () => {
    expect(windowOf(2_000, 2_000)).toEqual([3_000, 'bursts']);
    expect(windowOf(3_300, 3_300)).toEqual([4_950, 'bursts']);
    expect(windowOf(3_400, 3_400)).toEqual([1_000, 'floor']);
  });

  test('always lies between the minimum and the maximum, for every rule', () => {
    const positive = fc.double({ min: 0, max: 1e9, noNaN: true });
    const rules = fc
      .record({
        minMs: fc.integer({ min: 1, max: 100_000 }),
        more: fc.integer({ min: 0, max: 100_000 }),
        missedRequests: fc.double({ min: 1, max: 100, noNaN: true }),
      })
      .map(({ minMs, more, missedRequests }) => ({ minMs, maxMs: minMs + more, missedRequests }));
    fc.assert(
      fc.property(rules, fc.option(positive, { nil: undefined }), positive, (any, meanGapMs, recurringGapMs) => {
        const { windowMs } = quietWindow({ lastAt: 0, meanGapMs, recurringGapMs }, any);
        expect(windowMs).toBeGreaterThanOrEqual(any.minMs);
        expect(windowMs).toBeLessThanOrEqual(any.maxMs);
      }),
    );
  });
});

describe('the verdict', () => {
  const busy = { lastAt: 10_000, meanGapMs: 10, recurringGapMs: 20 };
  const judge = (input: Partial<QuietInput>) =>
    judgeQuiet({ now: 11_000, arrivals: busy, lastAnswerAt: 10_000, creditFrom: undefined, ...input }, rule);

  test('is quiet exactly when the silence is as long as the window', () => {
    expect(judge({ now: 10_999 })).toEqual({ quiet: false, silentMs: 999, windowMs: 1_000, basis: 'rate' });
    expect(judge({ now: 11_000 })).toEqual({ quiet: true, silentMs: 1_000, windowMs: 1_000, basis: 'rate' });
  });

  test('counts silence from the last answer too: a caller in a closed loop speaks when it has it', () => {
    expect(judge({ lastAnswerAt: 10_400 })).toMatchObject({ quiet: false, silentMs: 600 });
  });

  test('gives no credit for silence before the start unless the registry is known to send nobody', () => {
    expect(judge({ creditFrom: 10_900 })).toMatchObject({ quiet: false, silentMs: 100 });
    expect(judge({ creditFrom: undefined })).toMatchObject({ quiet: true });
  });

  test('is quiet at once for a service that never had a request, when silence is credited', () => {
    const never = { lastAt: undefined, meanGapMs: undefined, recurringGapMs: 0 };
    expect(judge({ arrivals: never, lastAnswerAt: Number.NEGATIVE_INFINITY })).toMatchObject({
      quiet: true,
      basis: 'floor',
    });
    expect(judge({ arrivals: never, lastAnswerAt: Number.NEGATIVE_INFINITY, creditFrom: 10_500 })).toMatchObject({
      quiet: false,
    });
  });

  test.each([0, 1, 2 ** 45])('holds at any place on the clock: %d', (origin) => {
    const arrivals = { ...busy, lastAt: origin };
    expect(judge({ now: origin + 999, arrivals, lastAnswerAt: Number.NEGATIVE_INFINITY }).quiet).toBe(false);
    expect(judge({ now: origin + 1_000, arrivals, lastAnswerAt: Number.NEGATIVE_INFINITY }).quiet).toBe(true);
  });
});
