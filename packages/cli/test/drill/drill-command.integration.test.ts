import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { openRaw } from '@prestop/testkit';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { drillCommand } from '../../src/drill/command.ts';
import { assertBuilt, BIN, start } from '../support/built.ts';
import { folder } from '../support/folder.ts';
import { fixture } from './support/drill.ts';

beforeAll(assertBuilt);

describe.runIf(process.platform !== 'win32')('the built command', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends its pods when it gets %s', async (signal) => {
    const child = spawn(process.execPath, [BIN, 'drill', '--', 'node', fixture('service.mjs')]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    await vi.waitFor(() => expect(stderr).toMatch(/callers begin/), { timeout: 15_000 });
    const port = Number(/pod-1 is ready at 127\.0\.0\.1:(\d+)/.exec(stderr)?.[1]);
    await (await openRaw(port)).close();
    child.kill(signal);
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).toMatch(/interrupted; the pods were ended/);
    expect(code).toBe(130);
    await vi.waitFor(() => expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' }), 2000);
  });

  it('does not wait for a hook then', async () => {
    const child = spawn(process.execPath, [BIN, 'drill', '--hook', 'sleep:20s', '--', 'node', fixture('service.mjs')]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    await vi.waitFor(() => expect(stderr).toMatch(/begins to be stopped/), { timeout: 15_000 });
    const interruptedAt = performance.now();
    child.kill('SIGINT');
    expect(await closed).toBe(130);
    expect(performance.now() - interruptedAt).toBeLessThan(5_000);
  });

  it('can be piped: the result is on standard output and nothing else', async () => {
    const small = ['--callers', '10', '--lag', '300ms', '--warm-up', '300ms', '-e', 'ON_STOP=serve'];
    const { code, stdout } = await start(process.execPath, [
      ...[BIN, 'drill', '--json', ...small],
      ...['--', 'node', fixture('service.mjs')],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, verdict: 'passed' });
    expect(code).toBe(0);
  });
});

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: orders
          image: orders:1
          ports: [{ name: http, containerPort: 3000 }, { name: admin, containerPort: 9090 }]
          readinessProbe: { httpGet: { port: admin, path: /readyz }, periodSeconds: 1 }
          lifecycle: { preStop: { httpGet: { port: admin, path: /prestop } } }
`;

describe('every example of the help', () => {
  const examples = drillCommand.examples.map(({ command }) => command);

  it.each(examples)('%s', { timeout: 240_000 }, async (line) => {
    const cwd = folder({ 'k8s/orders.yaml': MANIFEST });
    mkdirSync(join(cwd, 'bin'));
    symlinkSync(BIN, join(cwd, 'bin/prestop'));
    chmodSync(BIN, 0o755);
    // Beside the packages that it needs.
    symlinkSync(join(import.meta.dirname, '../../node_modules'), join(cwd, 'node_modules'));
    cpSync(fixture('prestop.mjs'), join(cwd, 'server.js'));
    cpSync(fixture('service.mjs'), join(cwd, 'server-before.js'));
    cpSync(fixture('package.json'), join(cwd, 'package.json'));
    const env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH']}` };
    const { code, stdout, stderr } = await start('sh', ['-c', line.replace('1s/8s', '200ms/1s')], { cwd, env });
    expect(stdout, stderr).toContain('every request was answered');
    // A forced deletion is shorter than those callers need.
    if (!line.includes('--case all')) expect(code, stdout).toBe(0);
    if (line.includes('--html')) expect(readFileSync(join(cwd, 'drill.html'), 'utf8')).toContain('force-delete');
  });
});
