import { describe, expect, it } from 'vitest';
import { seededRandom, shuffled, weightedPicker } from '../src/random.ts';

const first = (random: () => number, count = 5) => Array.from({ length: count }, random);

describe('seededRandom', () => {
  it('repeats itself for the same seed and stream only', () => {
    expect(first(seededRandom(7, 3))).toEqual(first(seededRandom(7, 3)));
    expect(first(seededRandom(7, 3))).not.toEqual(first(seededRandom(7, 4)));
    expect(first(seededRandom(7, 3))).not.toEqual(first(seededRandom(8, 3)));
  });

  it('is spread evenly over [0, 1), also over streams', () => {
    const values = Array.from({ length: 10_000 }, (_, stream) => seededRandom(1, stream)());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean).toBeGreaterThan(0.48);
    expect(mean).toBeLessThan(0.52);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(values).size).toBeGreaterThan(9_990);
  });
});

it('shuffles without losing or repeating', () => {
  const values = Array.from({ length: 50 }, (_, index) => index);
  const once = shuffled(values, seededRandom(1));
  expect(once).not.toEqual(values);
  expect(once.toSorted((left, right) => left - right)).toEqual(values);
  expect(shuffled(values, seededRandom(1))).toEqual(once);
});

it('picks by weight, and never what weighs nothing', () => {
  const entries = [['often', 3] as const, ['rarely', 1] as const, ['never', 0] as const];
  const picked = Array.from({ length: 4000 }, weightedPicker<string>(entries, seededRandom(1)));
  const often = picked.filter((name) => name === 'often').length;
  expect(often).toBeGreaterThan(2850);
  expect(often).toBeLessThan(3150);
  expect(picked).not.toContain('never');
});
