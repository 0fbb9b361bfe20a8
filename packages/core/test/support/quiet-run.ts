import { ArrivalHistory } from '../../src/arrivals.ts';
import { DEFAULTS } from '../../src/defaults.ts';
import { judgeQuiet, type QuietRule } from '../../src/quiet.ts';
import type { Arrivals } from './traffic-patterns.ts';

export interface QuietRun {
  readonly arrivals: Arrivals;
  /** When the termination began; the rule is asked from here on. */
  readonly startedAt: number;
  /** How long an answer takes, in milliseconds. */
  readonly serviceMs?: number;
  /** Whether silence before the start earns credit. */
  readonly proven?: boolean;
  readonly rule?: QuietRule;
}

export interface QuietRunResult {
  /** When the rule first said quiet. */
  readonly quietAt: number;
  /** Whether another request came after that. */
  readonly tooEarly: boolean;
  /** From the last answer to the verdict, in milliseconds; negative when it was too early. */
  readonly delayMs: number;
}

const TICK_MS = 25;

/** Asks the rule every 25 ms, as a termination does, until it says quiet. */
export function runQuiet({
  arrivals,
  startedAt,
  serviceMs = 5,
  proven = true,
  rule = DEFAULTS.quiet,
}: QuietRun): QuietRunResult {
  const history = new ArrivalHistory();
  const last = arrivals.at(-1);
  let next = 0;
  for (let now = startedAt; ; now += TICK_MS) {
    for (let at = arrivals[next]; at !== undefined && at <= now; at = arrivals[++next]) history.record(at);
    // No window is shorter than this, see the tests of the rule itself: asking would be a waste of time.
    if (now - (arrivals[next - 1] ?? Number.NEGATIVE_INFINITY) < rule.minMs) continue;
    const answered = lastAtOrBefore(arrivals, next, now - serviceMs);
    const verdict = judgeQuiet(
      {
        now,
        arrivals: history.stats(now),
        lastAnswerAt: (answered ?? Number.NEGATIVE_INFINITY) + serviceMs,
        creditFrom: proven ? undefined : startedAt,
      },
      rule,
    );
    if (!verdict.quiet) continue;
    const ended = last === undefined ? startedAt : Math.max(startedAt, last + serviceMs);
    return { quietAt: now, tooEarly: next < arrivals.length, delayMs: now - ended };
  }
}

function lastAtOrBefore(arrivals: Arrivals, upTo: number, instant: number): number | undefined {
  for (let index = upTo - 1; index >= 0; index--) {
    const at = arrivals[index] ?? 0;
    if (at <= instant) return at;
  }
  return undefined;
}
