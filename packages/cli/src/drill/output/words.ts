import type { CheckOutcome, Verdict } from '../result.ts';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  passed: 'PASSED',
  failed: 'FAILED',
  inconclusive: 'NOT PUT TO THE TEST',
};

/** Shapes, so that nothing depends on colour. */
export const OUTCOME_MARKS: Readonly<Record<CheckOutcome, string>> = { pass: '✓', fail: '✗', warn: '!' };

/** `1,765` */
export function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 request`, `2 requests` */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}
