import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ensureBuilt, type Recipe } from '../src/servers/cached-build.ts';
import { ensureConsulBinary, ensureNacosClasspath, mustSkip, openConsul, resolveNacos } from '../src/servers/index.ts';
import { withLock } from '../src/servers/lock.ts';

const silent = (): void => undefined;

let cacheFolder: string;

beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), 'prestop-test-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cacheFolder, { recursive: true });
});

/** Builds a file `product` with a script for `node`, which finds the target folder in `process.argv[1]`. */
function recipeOf(script: string): Recipe {
  return {
    server: 'Consul',
    folder: 'tools/nacos',
    inputs: ['pom.xml', 'src'],
    variant: 'test',
    buildTools: [],
    runTools: [],
    install: 'install nothing',
    command: (target) => ({
      command: process.execPath,
      args: ['-e', script, target],
      env: {},
      activity: (line) => line,
    }),
  };
}

const writeProduct = recipeOf(`
  setTimeout(() => require('node:fs').writeFileSync(process.argv[1] + '/product', String(process.pid)), 200);
`);

describe('a build', () => {
  test('is found in the cache the next time', async () => {
    const first = await ensureBuilt(writeProduct, silent, { cacheFolder });
    const second = await ensureBuilt(writeProduct, silent, { cacheFolder });
    expect(first).toMatchObject({ available: true, origin: 'build' });
    expect(second).toEqual({ ...first, origin: 'cache' });
    expect(readdirSync(cacheFolder)).toHaveLength(1);
  });

  test('has another name in the cache when its command changes', async () => {
    await ensureBuilt(writeProduct, silent, { cacheFolder });
    await ensureBuilt({ ...writeProduct, variant: 'other' }, silent, { cacheFolder });
    expect(readdirSync(cacheFolder)).toHaveLength(2);
  });

  test('that two need at the same time is done once', async () => {
    const both = [1, 2].map(() => ensureBuilt(writeProduct, silent, { cacheFolder }));
    const origins = (await Promise.all(both)).map((built) => built.available && built.origin);
    expect(new Set(origins)).toEqual(new Set(['build', 'cache']));
  });

  test('that fails is "not available" with the end of its output, and leaves nothing behind', async () => {
    const failing = recipeOf(`console.error('no space left'); process.exit(3)`);
    expect(await ensureBuilt(failing, silent, { cacheFolder })).toEqual({
      available: false,
      server: 'Consul',
      why: `"${process.execPath}" failed with exit code 3:\nno space left`,
      how: expect.stringMatching(/^install nothing, or set PRESTOP_TEST_CONSUL_ADDR to /),
    });
    expect(readdirSync(cacheFolder)).toEqual([]);
  });

  test('removes what a killed one left behind', async () => {
    const built = await ensureBuilt(writeProduct, silent, { cacheFolder });
    if (!built.available) throw new Error(built.why);
    rmSync(built.folder, { recursive: true });
    const abandoned = `${built.folder}.staging-${await endedPid()}`;
    writeFileSync(abandoned, '');
    await ensureBuilt(writeProduct, silent, { cacheFolder });
    expect(existsSync(abandoned)).toBe(false);
  });
});

describe('without the tools', () => {
  test.for([
    ['Consul', ensureConsulBinary, '"go" is not installed', 'install Go 1.21'],
    ['Nacos', ensureNacosClasspath, '"java" is not installed', 'install a JDK 17 or newer and Maven'],
  ] as const)('%s is "not available", with what to install', async ([server, ensure, why, how]) => {
    const outcome = await ensure(silent, { cacheFolder, env: { PATH: cacheFolder } });
    expect(outcome).toMatchObject({ available: false, server, why, how: expect.stringContaining(how) });
  });

  test('an old tool is named with its version', async () => {
    writeFileSync(join(cacheFolder, 'go'), '#!/bin/sh\necho go version go1.20.4 linux/amd64\n', { mode: 0o755 });
    const outcome = await ensureConsulBinary(silent, { cacheFolder, env: { PATH: cacheFolder } });
    expect(outcome).toMatchObject({ why: '"go" is version 1.20; 1.21 or newer is needed' });
  });

  test('tests are skipped loudly, and fail under CI=true', () => {
    const missing = { available: false, server: 'Nacos', why: 'no java', how: 'install it' } as const;
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => written.mockRestore());
    vi.stubEnv('CI', '');
    expect(mustSkip(missing, '12 tests')).toBe(true);
    expect(written.mock.calls.join()).toContain('DID NOT RUN: 12 tests\n  Nacos: no java\n  To run them: install it');
    vi.stubEnv('CI', 'true');
    expect(() => mustSkip(missing, '12 tests')).toThrow('DID NOT RUN: 12 tests');
    expect(mustSkip({ available: true }, '12 tests')).toBe(false);
  });
});

describe('a server in the environment', () => {
  test('is used as it is, and stays', async () => {
    const server = createServer((_, response) => response.end('"127.0.0.1:8300"')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await vi.waitUntil(() => server.listening);
    const addr = `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`;
    vi.stubEnv('PRESTOP_TEST_CONSUL_ADDR', `${addr}/`);
    const opened = await openConsul();
    expect(opened).toMatchObject({ available: true, origin: 'environment', addr });
    if (opened.available) await opened.stop();
    expect(server.listening).toBe(true);
  });

  test.for(['127.0.0.1:8848', 'tcp://127.0.0.1:8848', 'http://127.0.0.1:8848/nacos'])(
    'must have the form of an address: %s',
    async (addr) => {
      vi.stubEnv('PRESTOP_TEST_NACOS_ADDR', addr);
      await expect(resolveNacos()).rejects.toThrow(`PRESTOP_TEST_NACOS_ADDR must be http://host:port or https://`);
    },
  );

  test('must answer', async () => {
    vi.stubEnv('PRESTOP_TEST_NACOS_ADDR', 'http://127.0.0.1:1');
    await expect(resolveNacos()).rejects.toThrow(
      'PRESTOP_TEST_NACOS_ADDR: no Nacos answers at http://127.0.0.1:1: connect ECONNREFUSED',
    );
  });
});

describe('the lock', () => {
  test('is held by one at a time and released at the end, also after an error', async () => {
    const file = join(cacheFolder, 'lock');
    let inside = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside -= 1;
    };
    const waiting = vi.fn();
    await Promise.all([1, 2, 3].map(() => withLock(file, waiting, work)));
    expect(waiting).toHaveBeenCalledWith(process.pid);
    await expect(withLock(file, waiting, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(existsSync(file)).toBe(false);
  });

  test('of a process that has ended is taken over', async () => {
    const file = join(cacheFolder, 'lock');
    writeFileSync(file, String(await endedPid()));
    const waiting = vi.fn();
    await withLock(file, waiting, async () => undefined);
    expect(waiting).not.toHaveBeenCalled();
  });

  test('that nobody has touched for half a minute is taken over, whoever has its process id now', async () => {
    const file = join(cacheFolder, 'lock');
    writeFileSync(file, String(process.pid));
    const longAgo = new Date(Date.now() - 31_000);
    utimesSync(file, longAgo, longAgo);
    const waiting = vi.fn();
    await withLock(file, waiting, async () => undefined);
    expect(waiting).not.toHaveBeenCalled();
  });
});

/** The id of a process that is no more. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? -1;
}
