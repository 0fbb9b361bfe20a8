import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { formatResult, lint, RULES } from '../src/index.ts';
import { formatSarif } from '../src/lint/format/sarif.ts';
import { folder } from './support/folder.ts';
import { prestop } from './support/io.ts';
import { deployment } from './support/manifests.ts';

/** An error, a warning and something for information. */
const MIXED = deployment(
  'lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: 9090, scheme: HTTPS, host: localhost }',
);
const CLEAN = deployment();

describe('exit codes', () => {
  it.each([
    [['a.yaml'], CLEAN, 0],
    [['a.yaml'], MIXED, 1],
    [['--fail-on', 'error', 'a.yaml'], MIXED, 1],
    [['--fail-on', 'error', '--ignore', 'PS004', 'a.yaml'], MIXED, 0],
    [['--fail-on', 'warning', '--rule', 'PS027', 'a.yaml'], MIXED, 0],
    [['--fail-on', 'info', '--rule', 'grace-implicit', 'a.yaml'], MIXED, 1],
    [['a.yaml'], 'kind: [', 3],
    [['a.yaml'], `kind: [\n---\n${MIXED}`, 3],
    [['nowhere'], CLEAN, 3],
    [[], CLEAN, 2],
    [['--fail-on', 'errors', 'a.yaml'], CLEAN, 2],
    [['--rule', 'PS999', 'a.yaml'], CLEAN, 2],
    [['--floor', 'long', 'a.yaml'], CLEAN, 2],
    [['--floor', '-1', 'a.yaml'], CLEAN, 2],
    [['--admin-port', '70000', 'a.yaml'], CLEAN, 2],
    [['--format', 'xml', 'a.yaml'], CLEAN, 2],
    [['--fixx', 'a.yaml'], CLEAN, 2],
  ])('%j', async (args, text, code) => {
    expect((await prestop(['lint', ...args], { cwd: folder({ 'a.yaml': text }) })).code).toBe(code);
  });

  it('--quiet prints what --fail-on counts, and nothing where there is nothing', async () => {
    const cwd = folder({ 'a.yaml': MIXED, 'empty.yaml': '' });
    const quiet = (...args: string[]) => prestop(['lint', '-q', ...args], { cwd });
    expect(await quiet('--rule', 'PS027', 'a.yaml')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await quiet('empty.yaml')).toEqual({ code: 0, stdout: '', stderr: '' });
    const { code, stdout } = await quiet('--fail-on', 'error', '--rule', 'PS004,PS016,PS027', 'a.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain('PS004');
    expect(stdout).not.toMatch(/PS016|PS027/);
    const json = JSON.parse((await quiet('--rule', 'PS027', '--format', 'json', 'a.yaml')).stdout);
    expect(json).toMatchObject({ findings: [], summary: { infos: 1 } });
    expect((await quiet('nowhere')).stdout).toContain('unreadable');
  });

  it('a usage error goes to standard error, with what was perhaps meant', async () => {
    for (const [args, hint] of [
      [['--rule', 'hok-host'], 'did you mean hook-host?'],
      [['--formt', 'json'], 'did you mean --format?'],
      [['--format', 'srif'], 'did you mean sarif?'],
      [['--fail-on', 'warn'], 'did you mean warning?'],
    ] as const) {
      const { stdout, stderr } = await prestop(['lint', ...args, 'x']);
      expect(stdout).toBe('');
      expect(stderr).toContain(hint);
    }
  });
});

describe('options', () => {
  const counted = deployment(
    'lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: 9191 }',
    'terminationGracePeriodSeconds: 30',
  );

  it('the numbers a manifest cannot tell', async () => {
    const cwd = folder({ 'a.yaml': counted });
    const codes = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await prestop(['lint', '--format', 'json', '--rule', 'PS013,PS024', ...args, 'a.yaml'], {
        cwd,
      });
      return JSON.parse(stdout).findings.map(({ code }: { code: string }) => code);
    };
    expect(await codes()).toEqual(['PS013']);
    expect(await codes('--admin-port', '9191')).toEqual([]);
    expect(await codes('--admin-port', '9191', '--longest-request', '20')).toEqual([]);
    expect(await codes('--admin-port', '9191', '--longest-request', '20.5')).toEqual(['PS024']);
    expect(await codes('--admin-port', '9191', '--floor', '15', '--closers', '8', '--reserve', '7')).toEqual([]);
    expect(await codes('--admin-port', '9191', '--floor', '15', '--closers', '8', '--reserve', '8')).toEqual(['PS024']);
  });

  it('annotations win over options', () => {
    const text = counted.replace(
      '        app: orders\n    spec',
      '        app: orders\n      annotations: { prestop/floor-seconds: "1", prestop/reserve-seconds: "2" }\n    spec',
    );
    const { findings } = lint([{ file: 'a.yaml', text }], {
      rules: ['PS024'],
      floorSeconds: 25,
      reserveSeconds: 20,
      longestRequestSeconds: 28,
    });
    expect(findings.map(({ message }) => message)).toEqual([
      'terminationGracePeriodSeconds is 30 s, a termination takes up to 31 s (1 floor + 28 longest request + 2 reserve)',
    ]);
  });
});

describe('output', () => {
  const inputs = [{ file: 'k8s/a b.yaml', text: MIXED }];
  const result = lint(inputs, { rules: ['PS004', 'PS016', 'PS027'] });

  it('for people: file:line:column, the fix, and a sum', async () => {
    const cwd = folder({ 'a.yaml': MIXED });
    const { stdout } = await prestop(['lint', '--rule', 'PS004,PS016,PS027', 'a.yaml'], { cwd });
    expect(stdout).toBe(`a.yaml:15:7 info PS027 grace-implicit
  Deployment/orders app: terminationGracePeriodSeconds is not written; the kubelet takes 30
  fix: write terminationGracePeriodSeconds: 30 (--fix does it)
  see: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
a.yaml:20:62 warning PS016 hook-https
  Deployment/orders app: preStop asks /prestop over HTTPS; the admin server speaks HTTP
  fix: Remove \`scheme\`. (--fix does it)
  see: https://github.com/kubernetes/kubernetes/issues/68940
a.yaml:20:75 error PS004 hook-loopback
  Deployment/orders app: preStop connects to localhost, which is the node's own loopback and not the pod
  fix: Remove \`host\`: the kubelet then connects to the pod. (--fix does it)
  see: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/

1 error, 1 warning, 1 info: 1 pod template in 1 file; 3 can be mended by --fix
`);
  });

  it('in colours on a terminal only, and not with NO_COLOR', async () => {
    const cwd = folder({ 'a.yaml': MIXED });
    const colour = '\u001b[';
    expect((await prestop(['lint', 'a.yaml'], { cwd, tty: true })).stdout).toContain(colour);
    expect((await prestop(['lint', 'a.yaml'], { cwd })).stdout).not.toContain(colour);
    expect((await prestop(['lint', 'a.yaml'], { cwd, tty: true, env: { NO_COLOR: '1' } })).stdout).not.toContain(
      escape,
    );
    expect((await prestop(['lint', 'a.yaml'], { cwd, tty: true, env: { TERM: 'dumb' } })).stdout).not.toContain(colour);
  });

  it('json: the findings, what could not be read, a sum', () => {
    const json = JSON.parse(
      formatResult({ ...result, problems: [{ file: 'b.yaml', line: 2, column: 3, message: 'no' }] }, 'json'),
    );
    expect(json).toMatchObject({
      version: 1,
      findings: [
        {
          code: 'PS027',
          fixable: true,
          why: expect.stringMatching(/\.$/),
          fix: expect.any(String),
          source: expect.stringMatching(/^https:/),
        },
        {},
        {
          code: 'PS004',
          severity: 'error',
          file: 'k8s/a b.yaml',
          line: 20,
          column: 75,
          resource: 'Deployment/orders',
          container: 'app',
        },
      ],
      unreadable: [{ file: 'b.yaml', line: 2, column: 3, message: 'no' }],
      summary: { files: 1, objects: 1, workloads: 1, errors: 1, warnings: 1, infos: 1, fixable: 3, suppressed: 0 },
    });
    expect(json.findings[0]).not.toHaveProperty('edits');
  });

  it('sarif: 2.1.0 by its types, with every rule', () => {
    const log: Log = JSON.parse(
      formatSarif({ ...result, problems: [{ file: '/abs/b.yaml', line: 2, column: 3, message: 'no' }] }),
    );
    const [run] = log.runs;
    expect(log.version).toBe('2.1.0');
    expect(run?.tool.driver.rules?.map(({ id }) => id)).toEqual(RULES.map(({ code }) => code));
    expect(run?.results?.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ['PS027', 'note'],
      ['PS016', 'warning'],
      ['PS004', 'error'],
    ]);
    expect(run?.results?.[0]?.locations?.[0]?.physicalLocation).toEqual({
      artifactLocation: { uri: 'k8s/a%20b.yaml', uriBaseId: '%SRCROOT%' },
      region: { startLine: 15, startColumn: 7 },
    });
    for (const each of run?.results ?? []) expect(run?.tool.driver.rules?.[each.ruleIndex ?? -1]?.id).toBe(each.ruleId);
    expect(run?.invocations?.[0]?.executionSuccessful).toBe(false);
    expect(
      run?.invocations?.[0]?.toolExecutionNotifications?.[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri,
    ).toBe('file:///abs/b.yaml');
  });

  it('github: workflow commands, escaped', () => {
    const [first] = lint([{ file: 'a,b:c.yaml', text: MIXED }], { rules: ['PS004'] }).findings;
    expect(first).toBeDefined();
    const text = formatResult(
      { ...result, findings: first === undefined ? [] : [{ ...first, message: '100%\nsure' }], problems: [] },
      'github',
    );
    expect(text).toBe(
      '::error file=a%2Cb%3Ac.yaml,line=20,col=75,title=PS004 hook-loopback::100%25%0Asure%0Afix: Remove `host`: the kubelet then connects to the pod.\n',
    );
  });
});

describe('--fix', () => {
  it('writes the files that change, keeps their mode and links, and says how many', async () => {
    const cwd = folder({ 'a.yaml': MIXED, 'clean.yaml': CLEAN });
    chmodSync(join(cwd, 'a.yaml'), 0o640);
    symlinkSync('a.yaml', join(cwd, 'link.yaml'));
    const before = statSync(join(cwd, 'clean.yaml')).mtimeMs;
    const { code, stderr } = await prestop(
      ['lint', '--fix', '--rule', 'PS004,PS016,PS027', 'link.yaml', 'clean.yaml'],
      { cwd },
    );
    expect(code).toBe(0);
    expect(stderr).toContain('mended 3');
    expect(readFileSync(join(cwd, 'a.yaml'), 'utf8')).toContain('httpGet: { path: /prestop, port: 9090 }');
    expect(statSync(join(cwd, 'a.yaml')).mode & 0o777).toBe(0o640);
    expect(lstatSync(join(cwd, 'link.yaml')).isSymbolicLink()).toBe(true);
    expect(statSync(join(cwd, 'clean.yaml')).mtimeMs).toBe(before);
  });

  it('of standard input goes to standard output, the report to standard error', async () => {
    const { stdout, stderr } = await prestop(['lint', '--fix', '--rule', 'PS016', '-'], { stdin: MIXED });
    expect(stdout).toBe(MIXED.replace(', scheme: HTTPS', ''));
    expect(stderr).toContain('no findings');
  });
});
