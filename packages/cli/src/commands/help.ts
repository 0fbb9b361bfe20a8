import type { RuleInfo } from '../lint/rule.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';

/** The page of one command. */
export function helpFor(command: Command): string {
  const names = command.options.map((option) => {
    const short = option.short === undefined ? '' : `-${option.short}, `;
    return `${short}--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`;
  });
  const width = Math.max(...names.map(({ length }) => length));
  const options = command.options.map((option, index) => `  ${(names[index] ?? '').padEnd(width)}  ${option.help}`);
  const examples = command.examples.flatMap(({ command: line, does }) => [`  # ${does}`, `  $ ${line}`]);
  return `${[
    command.summary,
    '',
    `Usage: prestop ${command.usage}`,
    '',
    'Options:',
    ...options,
    '',
    command.details(),
    '',
    'Examples:',
    ...examples,
  ].join('\n')}\n`;
}

/** What a rule of `prestop lint` is for. */
export function helpForRule({ code, name, severity, summary, why, fix, source, fixable }: RuleInfo): string {
  return `${[
    `${code} ${name} (${severity}${fixable ? ', --fix mends it' : ''})`,
    '',
    summary,
    '',
    `Why:     ${why}`,
    `Instead: ${fix}`,
    `Source:  ${source}`,
  ].join('\n')}\n`;
}

/** The first page. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length), 'help COMMAND'.length);
  return `${[
    `prestop ${version()}: the Kubernetes side of a graceful shutdown`,
    '',
    'Usage: prestop COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    `  ${'help COMMAND'.padEnd(width)}  Says more about a command, or about a rule of lint: prestop help PS020.`,
    '',
    'Options:',
    '  -h, --help     This page.',
    '  -v, --version  The version.',
    '',
    'Examples:',
    '  # Check the manifests in a folder',
    '  $ prestop lint k8s',
  ].join('\n')}\n`;
}
