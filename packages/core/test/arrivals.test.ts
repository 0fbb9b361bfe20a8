import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArrivalHistory } from '../src/arrivals.ts';

function historyOf(instants: readonly number[]): ArrivalHistory {
  const history = new ArrivalHistory();
  for (const at of instants) history.record(at);
  return history;
}

/** `count` instants, `gap` apart, ending at `last`. */
function train(count: number, gap: number, last: number): number[] {
  return Array.from({ length: count }, (_, index) => last - (count - 1 - index) * gap);
}

describe('the mean gap', () => {
  test('is unknown with fewer than three arrivals', () => {
    expect(historyOf([]).stats(1_000)).toEqual({ lastAt: undefined, meanGapMs: undefined, recurringGapMs: 0 });
    expect(historyOf([100]).stats(1_000).meanGapMs).toBeUndefined();
    expect(historyOf([100, 200]).stats(1_000).meanGapMs).toBeUndefined();
    expect(historyOf([100, 200, 300]).stats(1_000).meanGapMs).toBe(100);
  });

  test('forgets what is more than 30 s old', () => {
    const history = historyOf(train(10, 100, 5_000));
    expect(history.stats(33_000).meanGapMs).toBe(100);
    expect(history.stats(36_000).meanGapMs).toBeUndefined();
    expect(history.stats(36_000).lastAt).toBe(5_000);
  });

  test('follows callers that leave: eight slow gaps outweigh all the fast ones before them', () => {
    const fast = train(200, 5, 10_000);
    const slow = Array.from({ length: 8 }, (_, index) => 10_000 + (index + 1) * 400);
    expect(historyOf([...fast, ...slow]).stats(13_300).meanGapMs).toBe(400);
  });

  test('is steadied by 32 gaps: eight fast ones in a row do not hide the rate', () => {
    const slow = train(40, 400, 20_000);
    const fast = Array.from({ length: 8 }, (_, index) => 20_000 + (index + 1) * 10);
    const { meanGapMs = 0 } = historyOf([...slow, ...fast]).stats(20_100);
    expect(meanGapMs).toBeGreaterThan(300);
  });

  test('the ring wraps around without a trace: only the last 33 instants count', () => {
    for (const count of [32, 33, 34, 65, 66, 67, 1_000]) {
      expect(historyOf(train(count, 250, 1_000_000)).stats(1_000_000).meanGapMs).toBe(250);
    }
  });
});

describe('the recurring gap', () => {
  const bursts = (starts: readonly number[]): number[] => starts.flatMap((start) => [start, start + 5, start + 10]);

  test('is the longest pause that came about twice; one long pause is chance', () => {
    expect(historyOf(bursts([1_000, 3_000])).stats(4_000).recurringGapMs).toBe(5);
    expect(historyOf(bursts([1_000, 3_000, 5_000])).stats(6_000).recurringGapMs).toBe(1_990);
  });

  test('is forgotten after 30 s', () => {
    const history = historyOf([...bursts([1_000, 3_000, 5_000]), ...train(300, 100, 36_500)]);
    expect(history.stats(36_500).recurringGapMs).toBe(100);
  });

  test('the buckets wrap around: a slot of 30 s ago is not taken for one of now', () => {
    // Second 3 and second 33 share a slot.
    const history = historyOf([...bursts([1_000, 3_000, 5_000]), 33_100, 33_200, 33_300]);
    expect(history.stats(33_300).recurringGapMs).toBeLessThan(2_000);
  });
});

describe('undo', () => {
  test('takes the last arrival back and nothing else', () => {
    const history = historyOf([100, 200, 300]);
    history.record(450);
    history.undo(450);
    expect(history.stats(500)).toEqual(historyOf([100, 200, 300]).stats(500));
  });

  test('does nothing when another arrival came after it', () => {
    const history = historyOf([100, 200, 300, 450, 460]);
    history.undo(450);
    expect(history.stats(500)).toEqual(historyOf([100, 200, 300, 450, 460]).stats(500));
  });

  test('of the only arrival leaves an empty history', () => {
    const history = historyOf([100]);
    history.undo(100);
    expect(history.stats(500)).toEqual(new ArrivalHistory().stats(500));
  });

  test('leaves no pause behind: probes that are taken back do not look like bursts', () => {
    const real = [100, 200, 300];
    const history = historyOf(real);
    for (const probe of [10_000, 20_000]) {
      history.record(probe);
      history.undo(probe);
    }
    expect(history.stats(20_100)).toEqual(historyOf(real).stats(20_100));
  });

  test('at any point, also when the ring is full, the history is as if the arrival had never been', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 90 });
    fc.assert(
      fc.property(gaps, fc.infiniteStream(fc.boolean()), (list, undone) => {
        const history = new ArrivalHistory();
        const kept: number[] = [];
        let now = 5_000;
        for (const gap of list) {
          now += gap;
          history.record(now);
          if (undone.next().value) history.undo(now);
          else kept.push(now);
        }
        expect(history.stats(now)).toEqual(historyOf(kept).stats(now));
      }),
    );
  });
});

describe('any scale of time', () => {
  test.each([0, 0.25, 999, 86_400_000 * 365, 2 ** 40])('beginning at %d', (origin) => {
    const instants = Array.from({ length: 50 }, (_, index) => origin + index * 125);
    const { lastAt, meanGapMs, recurringGapMs } = historyOf(instants).stats(origin + 49 * 125);
    expect([lastAt, meanGapMs, recurringGapMs]).toEqual([origin + 6_125, 125, 125]);
  });

  test('never gives a negative or an invalid number, whatever comes', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 120 });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), gaps, (origin, list) => {
        const history = new ArrivalHistory();
        let now = origin;
        for (const gap of list) {
          now += gap;
          history.record(now);
          const { meanGapMs = 0, recurringGapMs } = history.stats(now);
          expect(meanGapMs).toBeGreaterThanOrEqual(0);
          expect(recurringGapMs).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(meanGapMs + recurringGapMs)).toBe(true);
        }
      }),
    );
  });
});
