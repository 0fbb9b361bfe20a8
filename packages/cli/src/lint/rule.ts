import type { Cursor } from '../yaml/cursor.ts';
import type { TextEdit } from '../yaml/edit.ts';
import type { Cluster } from './cluster.ts';
import type { Container } from './container.ts';
import type { LintSettings } from './settings.ts';
import type { Workload } from './workload.ts';

/** In falling order. `error`: certainly wrong, the API or the kubelet will not do what is meant. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;

export type Severity = (typeof SEVERITIES)[number];

export type RuleCode = `PS${string}`;

/** What a rule is, for people, tables and SARIF. */
export interface RuleInfo {
  readonly code: RuleCode;
  /** Words with dashes; `--rule` and `--ignore` take it as well as the code. */
  readonly name: string;
  /** The highest severity the rule reports; a finding may be milder where the manifest shows a reason. */
  readonly severity: Severity;
  /** What it looks for, one sentence. */
  readonly summary: string;
  /** What happens otherwise. */
  readonly why: string;
  /** Where the rule comes from. */
  readonly source: string;
  /** What to write instead, in general; a finding says it with its own numbers. */
  readonly fix: string;
  /** Whether `--fix` mends it, in most layouts. */
  readonly fixable: boolean;
}

export interface Subject {
  readonly workload: Workload;
  readonly cluster: Cluster;
  readonly settings: LintSettings;
}

/** One place where a rule does not hold. */
export interface Problem {
  readonly at: Cursor;
  /** Point at the key rather than at its value. */
  readonly key?: boolean;
  readonly container?: Container;
  /** What is seen and what it leads to, with the numbers. */
  readonly message: string;
  /** What would be right, with the numbers; the rule's `fix` otherwise. */
  readonly advice?: string;
  readonly severity?: Severity;
  /** Changes that mend it; undefined entries are changes that cannot be made here. */
  readonly edits?: readonly (TextEdit | undefined)[];
}

export interface Rule extends RuleInfo {
  /**
   * The rule misses something that may stand elsewhere; it is not asked about fragments (Kustomize patches).
   * @default false
   */
  readonly absence?: boolean;
  check(subject: Subject): Iterable<Problem>;
}
