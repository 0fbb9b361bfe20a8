import type { ArrivalStats } from './arrivals.ts';

export interface QuietRule {
  /** Shortest silence that counts as quiet, in milliseconds. */
  readonly minMs: number;
  /** Longest silence that is waited for, in milliseconds. */
  readonly maxMs: number;
  /** How many requests must have failed to come, at the observed rate, before silence means that the callers stopped. */
  readonly missedRequests: number;
}

/** Why the window is as long as it is: from the rate, from the pauses in bursty traffic, or from neither. */
export type QuietBasis = 'rate' | 'bursts' | 'floor';

export interface QuietWindow {
  readonly windowMs: number;
  readonly basis: QuietBasis;
}

/** A pause this much longer than any that recurred is taken for the end of bursty traffic. */
const BURST_FACTOR = 1.5;

/**
 * With fewer missed requests than this in the longest affordable silence, the silence proves nothing: for Poisson
 * traffic a caller that still lives is silent for three mean gaps in e^-3 = 5 % of all gaps.
 */
const PROVES_NOTHING_BELOW = 3;

/**
 * How long the service must have been silent to be called quiet, given what its traffic looked like.
 *
 * The rule is applied again and again while callers leave, so one mean gap too few would end it early in one of many
 * gaps; that is why the longest recurring pause also counts, and why seven missed requests are the default and not two.
 * For traffic so sparse that even the longest silence proves nothing, the answer is the minimum, and the floor decides;
 * unless it is regular, a caller with a timer, whose pause can be waited for.
 */
export function quietWindow(arrivals: ArrivalStats, rule: QuietRule): QuietWindow {
  const { meanGapMs, recurringGapMs } = arrivals;
  const byBursts = recurringGapMs * BURST_FACTOR;
  if (meanGapMs === undefined || meanGapMs * PROVES_NOTHING_BELOW > rule.maxMs) {
    const regular = byBursts > rule.minMs && byBursts <= rule.maxMs;
    return regular ? { windowMs: byBursts, basis: 'bursts' } : { windowMs: rule.minMs, basis: 'floor' };
  }
  const byRate = meanGapMs * rule.missedRequests;
  const windowMs = Math.min(rule.maxMs, Math.max(rule.minMs, byRate, byBursts));
  return { windowMs, basis: byBursts > byRate ? 'bursts' : 'rate' };
}

export interface QuietInput {
  readonly now: number;
  readonly arrivals: ArrivalStats;
  /** When the last counted request was answered; negative infinity if none ever was. */
  readonly lastAnswerAt: number;
  /** Silence before this instant earns no credit; `undefined` when all of it does. */
  readonly creditFrom: number | undefined;
}

export interface QuietVerdict extends QuietWindow {
  readonly quiet: boolean;
  /** For how long nothing was heard, in milliseconds. */
  readonly silentMs: number;
}

/**
 * Quiet: neither an arrival nor an answer for the whole window. An answer counts because a caller in a closed loop sends
 * its next request when it has the last answer; a request that is still being answered does not count, or a stream
 * without end would keep the service from ever being quiet.
 */
export function judgeQuiet(input: QuietInput, rule: QuietRule): QuietVerdict {
  const heardAt = Math.max(
    input.arrivals.lastAt ?? Number.NEGATIVE_INFINITY,
    input.lastAnswerAt,
    input.creditFrom ?? Number.NEGATIVE_INFINITY,
  );
  const silentMs = input.now - heardAt;
  const window = quietWindow(input.arrivals, rule);
  return { ...window, quiet: silentMs >= window.windowMs, silentMs };
}
