import { SEVERITIES, type Severity } from '../lint/rule.ts';
import type { Account } from './account.ts';

export const REPORT_FORMATS = ['human', 'json'] as const;

export type ReportFormat = (typeof REPORT_FORMATS)[number];

const COLOURS: Readonly<Record<Severity, string>> = { error: '31', warning: '33', info: '36' };

/** Accounts as people read them, or as one JSON document. */
export function formatAccounts(accounts: readonly Account[], format: ReportFormat, colours: boolean): string {
  if (format === 'json') return `${JSON.stringify({ worst: worstOf(accounts) ?? null, accounts }, null, 2)}\n`;
  const paint = (text: string, code: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return accounts
    .map(({ source, headline, lines, remarks }) =>
      [
        `${paint(source, '1')}: ${headline}`,
        ...lines.map((line) => `  ${line}`),
        ...remarks.flatMap(({ severity, text, advice }) => [
          `  ${paint(severity, COLOURS[severity])}: ${text}`,
          ...(advice === '' ? [] : [`    ${advice}`]),
        ]),
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** The worst severity of all remarks; `undefined` without any. */
export function worstOf(accounts: readonly Account[]): Severity | undefined {
  const found = new Set(accounts.flatMap(({ remarks }) => remarks.map(({ severity }) => severity)));
  return SEVERITIES.find((severity) => found.has(severity));
}
