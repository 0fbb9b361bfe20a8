import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type ManifestOptions, REGISTRIES, renderManifest } from '../src/index.ts';
import { assertBuilt, BIN, start } from './support/built.ts';
import { folder } from './support/folder.ts';

/** Inside the package, so that the generated code finds what a user would have installed. */
const WORKSHOP = fileURLToPath(new URL(`../node_modules/.cache/pair-${process.pid}/`, import.meta.url));
const TSC = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

beforeAll(assertBuilt);
afterAll(() => rmSync(WORKSHOP, { recursive: true, force: true }));

/** Compiles services in the folder, as strictly as this project compiles itself. */
async function compile(name: string, services: readonly string[]): Promise<string> {
  const room = join(WORKSHOP, name);
  mkdirSync(join(room, 'src'), { recursive: true });
  writeFileSync(join(room, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    rootDir: 'src',
    outDir: 'dist',
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    customConditions: [],
  };
  writeFileSync(
    join(room, 'tsconfig.json'),
    JSON.stringify({ extends: '../../../../../../tsconfig.base.json', compilerOptions, include: ['src'] }),
  );
  for (const [index, code] of services.entries()) writeFileSync(join(room, `src/server${index}.ts`), code);
  const { code, stdout } = await start(process.execPath, [TSC, '-p', room]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  return join(room, 'dist');
}

async function freePorts(amount: number): Promise<number[]> {
  const servers = Array.from({ length: amount }, () => createServer());
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, resolve));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

function status(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
  });
}

it('the code of every registry, with and without its options, compiles', async () => {
  const variants: ManifestOptions[] = REGISTRIES.flatMap((registry) => [
    { name: 'orders', port: 3000, registry },
    {
      name: 'orders',
      port: 3000,
      registry,
      graceSeconds: 60,
      adminPort: 9191,
      tokenSecret: 'orders-admin',
      closersSeconds: 5,
    },
  ]);
  await compile(
    'variants',
    variants.map((options) => renderManifest(options).code),
  );
});

it('the pair works: ready for poststart, drained for prestop, gone after SIGTERM', async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const { code } = renderManifest({ name: 'orders', port, adminPort, registry: 'file', tokenSecret: 'orders-admin' });
  const dist = await compile('run', [code]);
  const token = 'correct-horse-battery-staple';
  const env = {
    ADMIN_PORT: String(adminPort),
    PRESTOP_TOKEN: token,
    REGISTRY_DIR: folder(),
    TERMINATION_GRACE_PERIOD_SECONDS: '30',
  };
  const pod: ChildProcess = spawn(process.execPath, [join(dist, 'server0.js')], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  const exited = once(pod, 'exit');
  onTestFinished(() => void pod.kill('SIGKILL'));

  const hook = (moment: string, given = env) => start(process.execPath, [BIN, 'hook', moment], { env: given });
  expect(await hook('poststart')).toMatchObject({ code: 0, stderr: 'prestop hook poststart: ready\n' });
  expect(await status(`http://127.0.0.1:${port}/`)).toBe(200);
  expect(await status(`http://127.0.0.1:${adminPort}/readyz`)).toBe(200);

  expect(await hook('prestop', { ...env, PRESTOP_TOKEN: 'another-token' })).toMatchObject({ code: 3 });
  const stopped = await hook('prestop');
  expect(stopped).toMatchObject({ code: 0, stderr: 'prestop hook prestop: drained\n' });
  expect(JSON.parse(stopped.stdout)).toMatchObject({
    outcome: 'drained',
    budget: { terminationGracePeriodSeconds: 30 },
  });
  expect(stopped.stdout + stopped.stderr).not.toContain(token);

  pod.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
