import { describe, expect, test } from 'vitest';
import { page, section, table } from './support/markdown.ts';
import { runQuiet } from './support/quiet-run.ts';
import { seededRandom } from './support/seeded-random.ts';
import { type Arrivals, bursty, merged, periodic, poisson } from './support/traffic-patterns.ts';

/** The termination begins here; 200 ms later the removal is confirmed and the rule is asked for the first time. */
const T0 = 100_000;
const ASKED_FROM = T0 + 200;
const LAG_MS = 8_000;

interface Outcome {
  /** Share of runs in which the rule said quiet although another request came, 0 to 1. */
  readonly tooEarly: number;
  /** From the last answer to the verdict, in milliseconds. */
  readonly median: number;
  readonly slowest: number;
}

/** Runs the rule on `runs` seeded streams of traffic. */
function many(runs: number, traffic: (random: () => number) => Arrivals, proven = true): Outcome {
  let tooEarly = 0;
  const delays: number[] = [];
  for (let seed = 1; seed <= runs; seed++) {
    const result = runQuiet({ arrivals: traffic(seededRandom(seed * 7_919)), startedAt: ASKED_FROM, proven });
    if (result.tooEarly) tooEarly += 1;
    else delays.push(result.delayMs);
  }
  delays.sort((left, right) => left - right);
  return {
    tooEarly: tooEarly / runs,
    median: delays[Math.floor(delays.length / 2)] ?? Number.NaN,
    slowest: delays.at(-1) ?? Number.NaN,
  };
}

/** What `docs/sequence.md` promises for a rate: the share of early ends, and the median delay in milliseconds. */
function promised(rate: number): { readonly tooEarly: number; readonly median: number } {
  const row = table(section(page('sequence.md'), 'Quiet'), 'requests a second').find(([first = '']) =>
    first.endsWith('and more') ? rate >= Number.parseFloat(first) : rate === Number(first),
  );
  const [, share = '', delay = ''] = row ?? [];
  return { tooEarly: Number(/[\d.]+/.exec(share)?.[0]) / 100, median: Number.parseFloat(delay) * 1_000 };
}

/** Callers go on for the whole lag: how often is the rule wrong, and how long does it take once they have stopped? */
describe('Poisson traffic that goes on for 8 s after deregistration', () => {
  test.each([
    { rate: 500, runs: 15 },
    { rate: 100, runs: 50 },
    { rate: 20, runs: 150 },
    { rate: 10, runs: 250 },
    { rate: 5, runs: 500 },
    { rate: 2, runs: 400 },
    { rate: 1, runs: 400 },
  ])('$rate requests a second: as the page says', ({ rate, runs }) => {
    const historyMs = Math.max(2_000, Math.min(40_000, 40_000 / rate));
    const outcome = many(runs, (random) => poisson(rate, { from: T0 - historyMs, to: T0 + LAG_MS }, random));
    const { tooEarly, median } = promised(rate);
    expect(outcome.tooEarly).toBeLessThanOrEqual(tooEarly);
    expect(Math.abs(outcome.median - median)).toBeLessThanOrEqual(100);
    expect(outcome.slowest).toBeLessThanOrEqual(5_030);
  });

  test('a fifth of a request a second: silence proves nothing, and at most the minimum is waited for', () => {
    const sparse = many(200, (random) => poisson(0.2, { from: T0 - 60_000, to: T0 }, random), false);
    expect(sparse.median).toBeLessThanOrEqual(1_225);
  });
});

describe('busy traffic', () => {
  test.each([20, 50, 200, 1_000])('%d requests a second: quiet within 1.3 s of the last answer', (rate) => {
    const { tooEarly, slowest } = many(40, (random) => poisson(rate, { from: T0 - 2_000, to: T0 + 2_000 }, random));
    expect(tooEarly).toBe(0);
    expect(slowest).toBeLessThanOrEqual(1_300);
  });
});

describe('40 callers that leave one after another', () => {
  const leaving = (each: number, lagMs: number, steady: boolean) => (random: () => number) =>
    merged(
      ...Array.from({ length: 40 }, () => {
        const span = { from: T0 - 3_000, to: T0 + random() * lagMs };
        return steady ? periodic(1_000 / each, span, random, 0.1) : poisson(each, span, random);
      }),
    );

  test.each([
    { each: 20, lagMs: 200 },
    { each: 20, lagMs: 2_000 },
    { each: 20, lagMs: 8_000 },
    { each: 10, lagMs: 8_000 },
  ])('each $each times a second, over $lagMs ms: never too early, quiet within 1.3 s', ({ each, lagMs }) => {
    for (const steady of [true, false]) {
      const { tooEarly, slowest } = many(25, leaving(each, lagMs, steady));
      expect(tooEarly).toBe(0);
      expect(slowest).toBeLessThanOrEqual(1_300);
    }
  });

  test('each twice a second, over 8 s: the rate is followed down to the last caller', () => {
    const { tooEarly, median } = many(150, leaving(2, 8_000, true));
    expect(tooEarly).toBeLessThanOrEqual(0.01);
    expect(median).toBeLessThanOrEqual(1_300);
  });
});

describe('one caller with a timer', () => {
  test.each([100, 250, 500, 1_000, 1_600, 1_700, 2_000, 2_500, 3_000, 3_300])(
    'every %d ms: never too early',
    (periodMs) => {
      const { tooEarly, slowest } = many(40, (random) =>
        periodic(periodMs, { from: T0 - 40_000, to: T0 + LAG_MS }, random),
      );
      expect(tooEarly).toBe(0);
      expect(slowest).toBeLessThanOrEqual(5_030);
    },
  );

  test('every 10 s: no silence that can be afforded proves anything, and none is waited for', () => {
    const { median } = many(40, (random) => periodic(10_000, { from: T0 - 60_000, to: T0 }, random), false);
    expect(median).toBeLessThanOrEqual(1_225);
  });
});

describe('bursts', () => {
  test.each([
    { pauseMs: 500, size: 20, burstMs: 50 },
    { pauseMs: 1_000, size: 20, burstMs: 50 },
    { pauseMs: 2_000, size: 10, burstMs: 100 },
    { pauseMs: 3_000, size: 5, burstMs: 20 },
    { pauseMs: 4_000, size: 20, burstMs: 100 },
  ])('of $size every $pauseMs ms: the pause between them is not taken for the end', (shape) => {
    const { tooEarly, slowest } = many(40, (random) => bursty(shape, { from: T0 - 40_000, to: T0 + LAG_MS }, random));
    expect(tooEarly).toBe(0);
    expect(slowest).toBeLessThanOrEqual(5_030);
  });

  test('a pause longer than the longest silence cannot be told from the end', () => {
    const shape = { pauseMs: 6_000, size: 20, burstMs: 100 };
    expect(many(20, (random) => bursty(shape, { from: T0 - 40_000, to: T0 + LAG_MS }, random)).tooEarly).toBe(1);
  });
});

describe('silence', () => {
  test('a confirmed pod that nobody called is quiet at once, an unproven one after the minimum', () => {
    expect(runQuiet({ arrivals: [], startedAt: T0 }).quietAt).toBe(T0);
    expect(runQuiet({ arrivals: [], startedAt: T0, proven: false }).quietAt).toBe(T0 + 1_000);
  });

  test('the first request after a quiet night is no pattern', () => {
    const { delayMs } = runQuiet({ arrivals: [T0 - 3_600_000, T0 - 100], startedAt: T0 });
    expect(delayMs).toBeLessThanOrEqual(1_000);
  });

  test.each([0, 2 ** 40])('the place on the clock changes nothing: beginning at %d', (origin) => {
    const traffic = poisson(50, { from: 0, to: 3_000 }, seededRandom(1)).map((at) => at + origin);
    const { tooEarly, delayMs } = runQuiet({ arrivals: traffic, startedAt: origin + 1_000 });
    expect([tooEarly, delayMs <= 1_030]).toEqual([false, true]);
  });
});
