import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/commands/index.ts';
import { BUDGET_ANNOTATIONS, EXIT, FORMATS, HOOK_EXIT, IGNORE_ANNOTATION, RULES, type RuleInfo } from '../src/index.ts';

function row({ code, name, severity, summary, fixable }: RuleInfo): string {
  return `| [${code}](#${code.toLowerCase()}-${name}) | ${name} | ${severity} | ${summary} | ${fixable ? 'yes' : ''} |`;
}

function section({ code, name, severity, summary, why, fix, source, fixable }: RuleInfo): string {
  return [
    `## ${code} ${name}`,
    '',
    `${summary} *${severity}${fixable ? ', `--fix`' : ''}*`,
    '',
    why,
    '',
    `Instead: ${fix}`,
    '',
    `Source: <${source}>`,
    '',
  ].join('\n');
}

function rulesPage(): string {
  return `${[
    '# Rules of `prestop lint`',
    '',
    `${RULES.length} rules. The severity is the highest that a rule reports; a finding is milder where the manifest shows a reason.`,
    '*error*: certainly wrong, the API or the kubelet will not do what is meant. *warning*: requests are likely to be lost.',
    '*info*: good to know, or better otherwise.',
    '',
    '| code | name | severity | rule | --fix |',
    '|---|---|---|---|---|',
    ...RULES.map(row),
    '',
    ...RULES.map(section),
  ].join('\n')}`;
}

describe('the documents', () => {
  it('docs/rules.md is the table of the code (vitest -u writes it)', async () => {
    await expect(rulesPage()).toMatchFileSnapshot('../docs/rules.md');
  });

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  it('README: every command line is an example that is run', () => {
    const fenced = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, body]) => body ?? '').join('');
    const lines = fenced.split('\n').filter((line) => line !== '');
    const examples = COMMANDS.flatMap((command) => command.examples.map((example) => example.command));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) expect(examples).toContain(line);
  });

  it('README: exit codes, formats, annotations and the number of rules are those of the code', () => {
    expect(readme).toContain(`${RULES.length} rules`);
    for (const code of Object.values(EXIT)) expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
    for (const code of Object.values(HOOK_EXIT)) expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
    for (const format of FORMATS) expect(readme).toContain(format);
    for (const name of [...Object.values(BUDGET_ANNOTATIONS), IGNORE_ANNOTATION]) expect(readme).toContain(`\`${name}`);
  });
});
