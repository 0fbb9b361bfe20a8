import type { Verdict } from './result.ts';

/** Exit codes of `prestop drill`. Public contract. */
export const DRILL_EXIT = {
  /** Everything held. */
  passed: 0,
  /** Something did not: a request was lost, SIGKILL was needed, a hook failed. */
  failed: 1,
  /** Unknown option, or a value that cannot be. */
  usage: 2,
  /**
   * There is no result: the service could not be started or ended before it was deleted, no request works, or what was
   * named cannot be played.
   */
  noResult: 3,
  /** Nothing was lost, but the callers did not put it to the test. */
  inconclusive: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type DrillExitCode = (typeof DRILL_EXIT)[keyof typeof DRILL_EXIT];

export function exitCodeOf(verdict: Verdict): DrillExitCode {
  return DRILL_EXIT[verdict];
}
