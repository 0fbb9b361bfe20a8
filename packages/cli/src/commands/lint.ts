import { usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { replaceFile } from '../files.ts';
import { wantsColours } from '../io.ts';
import type { Finding, LintResult } from '../lint/finding.ts';
import { fix } from '../lint/fix.ts';
import { FORMATS, formatResult } from '../lint/format/index.ts';
import { readInputs, STDIN_NAME } from '../lint/input.ts';
import { type LintOptions, lint } from '../lint/lint.ts';
import { SEVERITIES, type Severity } from '../lint/rule.ts';
import { RULES } from '../lint/rules/index.ts';
import { Arguments } from './arguments.ts';
import type { Command } from './command.ts';

const SECONDS = { min: 0, max: 86_400, whole: false } as const;
const PORT = { min: 1, max: 65_535, whole: true } as const;

export const lintCommand: Command = {
  name: 'lint',
  summary: 'Checks Kubernetes manifests: the arithmetic and the shape of a graceful shutdown.',
  usage: 'lint [OPTIONS] FILE|FOLDER|- …',
  options: [
    { name: 'format', value: 'FORMAT', short: 'f', help: `${FORMATS.join(', ')}; default human` },
    {
      name: 'fail-on',
      value: 'SEVERITY',
      help: `exit 1 from this severity on: ${SEVERITIES.join(', ')}; default warning`,
    },
    { name: 'rule', value: 'RULE', multiple: true, help: 'only these rules, by code or name' },
    { name: 'ignore', value: 'RULE', multiple: true, help: 'not these rules' },
    { name: 'exclude', value: 'PATH', multiple: true, help: 'a file or folder that is not read' },
    { name: 'quiet', short: 'q', help: 'print only what --fail-on counts, and nothing where there is nothing' },
    { name: 'fix', help: 'mend what is safe, in place; of standard input, to standard output' },
    { name: 'admin-port', value: 'PORT', help: "port of the SDK's admin server; default 9090" },
    { name: 'floor', value: 'SECONDS', help: 'how long callers may be stale; default 5' },
    { name: 'longest-request', value: 'SECONDS', help: 'longest request to finish; default 0' },
    { name: 'closers', value: 'SECONDS', help: 'what the closers take; default 0' },
    { name: 'reserve', value: 'SECONDS', help: 'kept free at the end; default 5, at most a fifth of the grace period' },
    { name: 'help', short: 'h', help: 'this page' },
  ],
  examples: [
    { command: 'prestop lint k8s', does: 'Check every *.yaml in a folder' },
    {
      command: 'cat k8s/orders.yaml | prestop lint -',
      does: 'Check what another command prints (kubectl kustomize, helm template)',
    },
    {
      command: 'prestop lint --longest-request 15 --fail-on error --format github k8s',
      does: 'Count with requests of 15 s; mark errors on a pull request',
    },
    { command: 'prestop lint --fix --ignore PS054 k8s/orders.yaml', does: 'Mend what can be mended, without one rule' },
  ],
  details,
  async run(args, io) {
    const given = new Arguments(lintCommand, args);
    const format = given.choice('format', FORMATS) ?? 'human';
    const failOn = given.choice('fail-on', SEVERITIES) ?? 'warning';
    const options = optionsFrom(given);
    if (given.positionals.length === 0)
      throw usageError('nothing to check', 'name files or folders, or - for standard input');

    const { inputs, problems, notes } = await readInputs(given.positionals, {
      ...io,
      exclude: given.list('exclude'),
    });
    const mended = given.flag('fix') ? fix(inputs, options) : undefined;
    const checked = mended?.result ?? lint(inputs, options);
    const result: LintResult = { ...checked, problems: [...problems, ...checked.problems] };

    let piped = false;
    for (const [index, output] of (mended?.outputs ?? []).entries()) {
      if (output.file === STDIN_NAME) {
        io.stdout.write(output.text);
        piped = true;
      } else if (output !== inputs[index]) await replaceFile(io.cwd, output.file, output.text);
    }
    const quiet = given.flag('quiet');
    if (!quiet) {
      for (const note of notes) io.stderr.write(`note: ${note}\n`);
      if (mended !== undefined && mended.fixed > 0) io.stderr.write(`mended ${mended.fixed}\n`);
      if (result.problems.length === 0 && result.summary.workloads === 0) {
        io.stderr.write('note: no pod template in what was read\n');
      }
    }
    const code = exitCode(result, failOn);
    const report = piped ? io.stderr : io.stdout;
    const shown = quiet ? { ...result, findings: result.findings.filter((each) => counts(each, failOn)) } : result;
    if (!(quiet && format === 'human' && code === EXIT.clean)) {
      report.write(formatResult(shown, format, { colours: wantsColours(report, io.env) }));
    }
    return code;
  },
};

function optionsFrom(given: Arguments): LintOptions {
  const numbers = {
    adminPort: given.number('admin-port', PORT),
    floorSeconds: given.number('floor', SECONDS),
    longestRequestSeconds: given.number('longest-request', SECONDS),
    closersSeconds: given.number('closers', SECONDS),
    reserveSeconds: given.number('reserve', SECONDS),
  };
  const defined = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  return { ...defined, rules: given.list('rule'), ignore: given.list('ignore') };
}

function exitCode({ findings, problems }: LintResult, failOn: Severity): number {
  if (problems.length > 0) return EXIT.unreadable;
  return findings.some((finding) => counts(finding, failOn)) ? EXIT.findings : EXIT.clean;
}

function counts({ severity }: Finding, failOn: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(failOn);
}

function details(): string {
  return [
    'All files together are one cluster: a Service in one selects the Deployment of another. Patches that a',
    'kustomization names are checked for what they say, not for what they leave out. Render charts and overlays',
    'first, for the whole truth.',
    '',
    'Numbers a manifest cannot tell may stand on the pod template, as annotations: prestop/floor-seconds,',
    'prestop/longest-request-seconds, prestop/closers-seconds, prestop/reserve-seconds.',
    '',
    'An exception needs a reason, behind a line or above a block:  # prestop-ignore PS038 asks our own check',
    'for a file:  # prestop-ignore-file PS054 Cilium does it',
    'or, where comments are lost in rendering, as an annotation:  prestop/ignore: "PS054 Cilium does it"',
    '',
    `Exit codes: ${EXIT.clean} nothing at or above --fail-on; ${EXIT.findings} findings; ${EXIT.usage} usage; ${EXIT.unreadable} something could not be read.`,
    '',
    `Rules (${RULES.length}; * mended by --fix):`,
    ...RULES.map(
      ({ code, name, severity, summary, fixable }) =>
        `  ${code}${fixable ? '*' : ' '} ${severity.padEnd(7)} ${name.padEnd(26)} ${summary}`,
    ),
  ].join('\n');
}
