import { styleText } from 'node:util';
import { count } from '../../words.ts';
import type { Finding, LintResult } from '../finding.ts';
import type { Severity } from '../rule.ts';

type Style = 'red' | 'yellow' | 'cyan' | 'bold' | 'dim';

const COLOURS: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', info: 'cyan' };

/** For people: one finding in four lines, the first with file:line:column. */
export function formatHuman(result: LintResult, options: { readonly colours?: boolean } = {}): string {
  const paint = (style: Style, text: string): string =>
    // The caller has looked whether there is a terminal.
    options.colours === true ? styleText(style, text, { validateStream: false }) : text;
  const lines: string[] = [];
  for (const problem of result.problems) {
    lines.push(`${place(problem)} ${paint('red', 'unreadable')} ${problem.message}`);
  }
  for (const finding of result.findings) {
    lines.push(
      `${paint('bold', place(finding))} ${paint(COLOURS[finding.severity], finding.severity)} ${finding.code} ${finding.name}`,
      `  ${subject(finding)}${finding.message}`,
      paint('dim', `  fix: ${finding.fix}${finding.edits.length > 0 ? ' (--fix does it)' : ''}`),
      paint('dim', `  see: ${finding.source}`),
    );
  }
  return [...lines, ...(lines.length > 0 ? [''] : []), verdict(result), ''].join('\n');
}

function place({ file, line, column }: { file: string; line: number; column: number }): string {
  return `${file}:${line}:${column}`;
}

function subject({ resource, container }: Finding): string {
  if (resource === undefined) return '';
  return `${resource}${container === undefined ? '' : ` ${container}`}: `;
}

function verdict({ summary, problems }: LintResult): string {
  const found = [
    ...(problems.length > 0 ? [`${problems.length} unreadable`] : []),
    ...(summary.errors > 0 ? [count(summary.errors, 'error')] : []),
    ...(summary.warnings > 0 ? [count(summary.warnings, 'warning')] : []),
    ...(summary.infos > 0 ? [`${summary.infos} info`] : []),
  ];
  const where = `${count(summary.workloads, 'pod template')} in ${count(summary.files, 'file')}`;
  return [
    `${found.length === 0 ? 'no findings' : found.join(', ')}: ${where}`,
    ...(summary.fixable > 0 ? [`${summary.fixable} can be mended by --fix`] : []),
    ...(summary.suppressed > 0 ? [`${summary.suppressed} ignored`] : []),
  ].join('; ');
}
