import type { CallerCounters } from '@prestop/testkit';
import type { CaseName } from './cases/case.ts';
import type { CaseResult } from './result.ts';

/** What a drill tells while it runs; all of it is in the result as well. */
export type DrillEvent =
  | { readonly type: 'case'; readonly case: CaseName; readonly summary: string }
  | { readonly type: 'pod-starting'; readonly pod: string; readonly timeoutMs: number }
  | { readonly type: 'pod-ready'; readonly pod: string; readonly target: string; readonly startedInMs: number }
  | { readonly type: 'left-out'; readonly request: string }
  | { readonly type: 'warm-up'; readonly ms: number }
  | { readonly type: 'stopping'; readonly pod: string; readonly hook: string }
  | { readonly type: 'signal'; readonly pod: string; readonly signal: string; readonly afterMs: number }
  | { readonly type: 'exited'; readonly pod: string; readonly how: string; readonly afterMs: number }
  | { readonly type: 'back'; readonly pod: string; readonly afterMs: number }
  | { readonly type: 'progress'; readonly counters: CallerCounters; readonly late: number }
  | { readonly type: 'case-ended'; readonly result: CaseResult };

export type DrillListener = (event: DrillEvent) => void;
