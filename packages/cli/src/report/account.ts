import type { TerminationReport } from '@prestop/core';
import type { Severity } from '../lint/rule.ts';

/** Something in a record that somebody should know, and what to do about it. */
export interface Remark {
  /** `error`: a request was lost, or something was not done. `warning`: it went well by luck. `info`: good to know. */
  readonly severity: Severity;
  readonly text: string;
  /** What to do; empty where nothing is to be done. */
  readonly advice: string;
}

/** What one record says, in words. */
export interface Account {
  /** Where it was found: `orders.log:14`, `Pod shop/orders-7f`. */
  readonly source: string;
  readonly headline: string;
  /** What happened, in order. */
  readonly lines: readonly string[];
  readonly remarks: readonly Remark[];
  /** Only where the record is a report of the SDK. */
  readonly report?: TerminationReport;
}

/** A remark that is only made when it holds. */
export function when(holds: boolean, severity: Severity, text: string, advice = ''): readonly Remark[] {
  return holds ? [{ severity, text, advice }] : [];
}
