import type { LintResult } from '../finding.ts';

/** For programs. `version` changes only when a field goes away or changes its meaning. */
export function formatJson(result: LintResult): string {
  const findings = result.findings.map(({ edits, ...finding }) => ({ ...finding, fixable: edits.length > 0 }));
  return `${JSON.stringify({ version: 1, findings, unreadable: result.problems, summary: result.summary }, null, 2)}\n`;
}
