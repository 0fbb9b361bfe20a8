import { expect } from 'vitest';
import type { Termination } from './termination.ts';

/** That pods ended as they should: by their hook, with nothing lost, and with nothing that `prestop report` complains of. */
export function expectClean(terminations: readonly Termination[]): void {
  expect(terminations).not.toEqual([]);
  for (const { report, warnings, complaints } of terminations) {
    expect(report).toMatchObject({ outcome: 'clean', exitCode: 0, trigger: { kind: 'prestop' } });
    expect(warnings.filter((reason) => reason.startsWith('Failed'))).toEqual([]);
    expect(complaints).toEqual([]);
  }
}

/** The figures of terminations for the results page. */
export function figuresOf(terminations: readonly Termination[]): Readonly<Record<string, string>> {
  const each = (figure: (termination: Termination) => string | number | undefined): string =>
    terminations.map((termination) => figure(termination) ?? '–').join(', ');
  return {
    outcome: each(({ report }) => report?.outcome),
    trigger: each(({ report }) => report?.trigger.kind),
    'exit code': each(({ exitCode }) => exitCode),
    'deletion to exit (s)': each(({ endedMs }) => (endedMs / 1000).toFixed(1)),
    warnings: union(terminations.map(({ warnings }) => warnings)),
    'prestop report complains of': union(terminations.map(({ complaints }) => complaints)),
  };
}

function union(lists: readonly (readonly string[])[]): string {
  return [...new Set(lists.flat())].join(', ') || '–';
}
