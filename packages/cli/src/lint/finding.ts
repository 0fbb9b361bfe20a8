import type { TextEdit } from '../yaml/edit.ts';
import type { SyntaxProblem } from '../yaml/parse.ts';
import type { RuleCode, Severity } from './rule.ts';

/** One place where a rule does not hold. */
export interface Finding {
  readonly code: RuleCode;
  readonly name: string;
  readonly severity: Severity;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `Deployment/orders`; undefined for findings about the text. */
  readonly resource: string | undefined;
  readonly container: string | undefined;
  /** Where it stands in its object: `spec.template.spec.containers[0].lifecycle.preStop`. */
  readonly path: string;
  /** What is seen and what it leads to. */
  readonly message: string;
  /** Why the rule is there, in general. */
  readonly why: string;
  /** What would be right. */
  readonly fix: string;
  /** Where the rule comes from: an address. */
  readonly source: string;
  /** What `--fix` would change; empty where it can change nothing. */
  readonly edits: readonly TextEdit[];
}

export interface LintSummary {
  readonly files: number;
  /** Kubernetes objects; entries of Lists counted one by one. */
  readonly objects: number;
  /** Pod templates, the things that are checked. */
  readonly workloads: number;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
  readonly fixable: number;
  /** Findings turned off by comments and annotations. */
  readonly suppressed: number;
}

export interface LintResult {
  /** In the order of files, lines and codes. */
  readonly findings: readonly Finding[];
  /** What could not be read. */
  readonly problems: readonly SyntaxProblem[];
  readonly summary: LintSummary;
}
