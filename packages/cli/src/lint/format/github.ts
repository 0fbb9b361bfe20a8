import type { LintResult } from '../finding.ts';
import type { Severity } from '../rule.ts';

const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** Workflow commands, which GitHub Actions shows beside the lines of a pull request. */
export function formatGithub(result: LintResult): string {
  const lines = [
    ...result.problems.map((problem) => command('error', problem, 'unreadable', problem.message)),
    ...result.findings.map((finding) =>
      command(
        LEVELS[finding.severity],
        finding,
        `${finding.code} ${finding.name}`,
        `${finding.message}\nfix: ${finding.fix}`,
      ),
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function command(
  level: string,
  { file, line, column }: { file: string; line: number; column: number },
  title: string,
  message: string,
): string {
  const properties = { file, line: String(line), col: String(column), title };
  const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
  return `::${level} ${list.join(',')}::${escapeData(message)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
