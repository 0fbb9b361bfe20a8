import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { closest } from '../src/closest.ts';
import { COMMANDS } from '../src/commands/index.ts';
import { CLI_ERROR_CODES, CliError, RULES } from '../src/index.ts';
import { prestop } from './support/io.ts';

describe('prestop', () => {
  it.each([['--help'], ['-h'], ['help']])('%s names every command', async (word) => {
    const { code, stdout, stderr } = await prestop([word]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name, summary } of COMMANDS)
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
  });

  it('without a command shows the same, as an error', async () => {
    const { code, stdout, stderr } = await prestop([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: prestop COMMAND');
  });

  it.each(['lint', 'manifest', 'hook', 'report'])(
    'help %s and %s --help are one page, with every option',
    async (name) => {
      const { code, stdout } = await prestop(['help', name]);
      expect(code).toBe(0);
      expect((await prestop([name, 'x', '--help'])).stdout).toBe(stdout);
      expect((await prestop([name, '-h'])).stdout).toBe(stdout);
      const command = COMMANDS.find((each) => each.name === name);
      for (const option of command?.options ?? []) expect(stdout).toContain(`--${option.name}`);
      expect(stdout).toContain('Exit codes');
    },
  );

  it('help lint lists the rules', async () => {
    const { stdout } = await prestop(['help', 'lint']);
    for (const { code, name } of RULES)
      expect(stdout).toMatch(new RegExp(`${code}[* ] +(error|warning|info) +${name} `));
  });

  it('help and a rule, by code or by name, explains the rule', async () => {
    for (const { code, name, summary, why, fix, source } of RULES) {
      const { stdout } = await prestop(['help', code]);
      for (const text of [name, summary, why, fix, source]) expect(stdout).toContain(text);
      expect((await prestop(['help', name])).stdout).toBe(stdout);
    }
  });

  it.each([
    [['lnt'], 'did you mean prestop lint?'],
    [['deploy'], 'prestop --help lists the commands'],
    [['help', 'hok'], 'did you mean prestop hook?'],
    [['--verison'], 'prestop --help lists commands and options'],
    [['lint', '--fail'], 'did you mean --fail-on?'],
    [['hook', 'prestop', '--tokn-file', 'x'], 'did you mean --token-file?'],
    [['hook', 'prestop', '--port'], 'see prestop help hook'],
    [['manifest', '--quietly'], 'see prestop help manifest'],
    [['hook', 'prestop', '--port', '9090', '-p', '9091'], '--port is given twice, as "9090" and as "9091"'],
    [['lint', '--format', 'json', '--format=sarif', 'x'], '--format is given twice, as "json" and as "sarif"'],
  ])('%j: exit 2 and a hint', async (line, hint) => {
    const { code, stdout, stderr } = await prestop(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^prestop: /);
    expect(stderr).toContain(hint);
  });
});

it('takes an option that may stand several times several times, and a switch that is on twice for one that is on', async () => {
  const line = ['drill', '--dry-run', '--dry-run', '-r', 'GET /a', '--request', 'GET /b', '--', 'x'];
  const { code, stdout } = await prestop(line);
  expect(stdout).toMatch(/^request +50 % GET \/a\nrequest +50 % GET \/b$/m);
  expect(code).toBe(0);
});

it('closest finds what is near, and nothing else', () => {
  expect(closest('lnit', ['lint', 'hook'])).toBe('lint');
  expect(closest('man', ['lint', 'manifest'])).toBe('manifest');
  expect(closest('xyz', ['lint', 'hook'])).toBeUndefined();
  expect(closest('', ['lint'])).toBeUndefined();
});

it('every error code is thrown somewhere, and none that is not in the table', () => {
  const sources = readdirSync(new URL('../src', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('drill') && file !== 'errors.ts')
    .map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8'))
    .join('\n');
  const used = new Set([...sources.matchAll(/new CliError\(\s*'(ERR_\w+)'/g)].map(([, code]) => code));
  used.add('ERR_PRESTOP_CLI_USAGE');
  expect(used).toEqual(new Set(CLI_ERROR_CODES));
  expect(new CliError('ERR_PRESTOP_CLI_USAGE', 'x', { hint: 'y', cause: 1 })).toMatchObject({
    name: 'CliError',
    hint: 'y',
    cause: 1,
  });
});
