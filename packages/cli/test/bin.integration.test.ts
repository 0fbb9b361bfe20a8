import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { reportOf } from '../../core/test/support/report-of.ts';
import { COMMANDS } from '../src/commands/index.ts';
import { renderManifest } from '../src/index.ts';
import { assertBuilt, BIN, BUILT_BIN, start } from './support/built.ts';
import { folder } from './support/folder.ts';
import { deployment } from './support/manifests.ts';

beforeAll(assertBuilt);

const run = (args: readonly string[], options: Parameters<typeof start>[2] = {}) =>
  start(process.execPath, [BIN, ...args], options);

describe('the built command', () => {
  it('says its version and its help, by its name and by the path that the manifests give', async () => {
    const root = new URL('../', import.meta.url);
    const { version, bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    expect(fileURLToPath(new URL(bin.prestop, root))).toBe(BIN);
    for (const file of [BIN, BUILT_BIN]) {
      expect(await start(process.execPath, [file, '--version'])).toEqual({
        code: 0,
        stdout: `${version}\n`,
        stderr: '',
      });
    }
    expect((await run(['help', 'lint'])).stdout).toContain('PS001');
  });

  it('lints standard input', async () => {
    const stdin = deployment('lifecycle:\n  preStop:\n    sleep: { seconds: 60 }');
    const { code, stdout } = await run(['lint', '-'], { stdin });
    expect(code).toBe(1);
    expect(stdout).toContain('<stdin>:20:33 error PS022');
  });

  it('is quiet when its reader has seen enough', async () => {
    const text = `${deployment('lifecycle:\n  preStop:\n    sleep: { seconds: 60 }')}---\n`.repeat(2000);
    const cwd = folder({ 'a.yaml': text });
    const { code, stdout, stderr } = await start(
      'sh',
      ['-c', `"${process.execPath}" "${BIN}" lint a.yaml | head -n 1`],
      { cwd },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^a\.yaml:20:33 error PS022/);
  });

  it('writes a pair that it finds nothing in', async () => {
    const cwd = folder();
    const made = await run(['manifest', '--name', 'orders', '--port', '3000', '--registry', 'nacos', '--out', '.'], {
      cwd,
    });
    expect(made.code).toBe(0);
    expect(await run(['lint', '--fail-on', 'info', '.'], { cwd })).toEqual({
      code: 0,
      stdout: 'no findings: 1 pod template in 1 file\n',
      stderr: '',
    });
  });

  it('ends as the kubelet would see it: nothing on the port, a service that is ready later', async () => {
    const server = createServer((_request, response) => response.end('{"status":"ready"}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect((await run(['hook', 'prestop', '--port', String(port)])).code).toBe(4);
    const waiting = run(['hook', 'poststart', '--port', String(port), '--timeout', '30']);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    expect(await waiting).toMatchObject({ code: 0, stdout: '{"status":"ready"}\n' });
  });

  it('a hook that is killed leaves nothing behind', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, [BIN, 'hook', 'prestop', '--port', String(port)]);
    await new Promise((resolve) => server.once('request', resolve));
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))).toBe('SIGTERM');
  });
});

describe('every example of the help', () => {
  const examples = COMMANDS.flatMap(({ name, examples: own }) => own.map(({ command }) => [name, command] as const));

  it('is shown, and each command has one', async () => {
    for (const { name } of COMMANDS) {
      const { stdout } = await run(['help', name]);
      const own = examples.filter(([command]) => command === name);
      expect(own.length, name).toBeGreaterThan(0);
      for (const [, line] of own) expect(stdout).toContain(`  $ ${line}\n`);
    }
  });

  it.each(examples.filter(([name]) => name !== 'drill'))('%s: %s', async (name, line) => {
    const report = JSON.stringify({ outcome: 'drained', status: 'ready', requests: { cutCount: 0 } });
    const server = createServer((_request, response) => response.end(report));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;

    const { yaml } = renderManifest({ name: 'orders', port: 3000, registry: 'consul', longestRequestSeconds: 20 });
    const ended = { kind: 'Pod', status: { containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] } };
    const cwd = folder({
      'k8s/orders.yaml': yaml,
      token: 'correct-horse-battery',
      'orders.log': JSON.stringify({ event: 'report', report: reportOf({}) }),
      'pods.json': JSON.stringify({ kind: 'List', items: [ended] }),
    });
    mkdirSync(join(cwd, 'bin'));
    symlinkSync(BIN, join(cwd, 'bin/prestop'));
    chmodSync(BIN, 0o755);
    const env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}`, ADMIN_PORT: String(port) };
    const command = name === 'hook' ? line.replace('--port 9090', `--port ${port}`) : line;
    const { code, stderr } = await start('sh', ['-c', command], { cwd, env });
    expect({ code, stderr: stderr.replace(/^(wrote|prestop hook) .*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
  });
});
