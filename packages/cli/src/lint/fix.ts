import { applyEdits } from '../yaml/edit.ts';
import type { Finding, LintResult } from './finding.ts';
import { type LintInput, type LintOptions, lint } from './lint.ts';

export interface FixResult {
  /** The inputs with what could be mended; those without a change are the same objects. */
  readonly outputs: readonly LintInput[];
  /** How many findings were mended. */
  readonly fixed: number;
  /** What is left. */
  readonly result: LintResult;
}

/** A fix may show another (a path that becomes the SDK's); more rounds than this would mean that they undo each other. */
const MAX_ROUNDS = 20;

/**
 * Mends what can be mended without guessing, by replacing as little text as possible: comments, order and layout stay.
 * Doing it twice changes nothing more. A change that does not mend its finding, or leaves text that cannot be read, is
 * not made. Writes no file.
 */
export function fix(inputs: readonly LintInput[], options: LintOptions = {}): FixResult {
  const failed = new Set<string>();
  let outputs = inputs;
  let result = lint(outputs, options);
  let fixed = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const chosen = choose(result.findings, failed);
    if (chosen.length === 0) break;
    const next = outputs.map((input) => applied(input, chosen));
    const after = lint(next, options);
    const useless = uselessOf(chosen, result, after);
    if (useless.length > 0) {
      for (const finding of useless) failed.add(identity(finding));
      continue;
    }
    fixed += chosen.length;
    outputs = next;
    result = after;
  }
  return { outputs, fixed, result };
}

/** Findings that can be mended together: of two that overlap the first in the text, the other is left for another round. */
function choose(findings: readonly Finding[], failed: ReadonlySet<string>): Finding[] {
  const ends = new Map<string, number>();
  return findings
    .filter((finding) => finding.edits.length > 0 && !failed.has(identity(finding)))
    .sort((a, b) => startOf(a) - startOf(b))
    .filter(({ file, edits }) => {
      const from = Math.min(...edits.map(({ start }) => start));
      if (from <= (ends.get(file) ?? -1)) return false;
      ends.set(file, Math.max(...edits.map(({ end }) => end)));
      return true;
    });
}

function startOf({ edits }: Finding): number {
  return Math.min(...edits.map(({ start }) => start));
}

function applied(input: LintInput, chosen: readonly Finding[]): LintInput {
  const edits = chosen.filter(({ file }) => file === input.file).flatMap((finding) => finding.edits);
  return edits.length === 0 ? input : { ...input, text: applyEdits(input.text, edits) };
}

/** What a finding is about, without line numbers, which move. */
function identity({ code, file, resource, path }: Finding): string {
  return [code, file, resource, path].join(' ');
}

/** The changes that did not mend their finding, and all changes in a file that can be read less well than before. */
function uselessOf(chosen: readonly Finding[], before: LintResult, after: LintResult): Finding[] {
  const was = tally(before.findings.filter(({ edits }) => edits.length > 0).map(identity));
  const is = tally(after.findings.filter(({ edits }) => edits.length > 0).map(identity));
  const made = tally(chosen.map(identity));
  const brokenBefore = tally(before.problems.map(({ file }) => file));
  const brokenAfter = tally(after.problems.map(({ file }) => file));
  return chosen.filter((finding) => {
    const name = identity(finding);
    const stays = of(is, name) > of(was, name) - of(made, name);
    return stays || of(brokenAfter, finding.file) > of(brokenBefore, finding.file);
  });
}

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, of(counts, name) + 1);
  return counts;
}

function of(counts: ReadonlyMap<string, number>, name: string): number {
  return counts.get(name) ?? 0;
}
