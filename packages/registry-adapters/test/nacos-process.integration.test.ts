/** The built adapter in a process of its own, as it is installed: run `npm run build` first. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService } from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from './nacos/fixture.ts';
import { serverV1 } from './nacos/server-v1.ts';
import { serverV3 } from './nacos/server-v3.ts';

const CHILD = fileURLToPath(new URL('./nacos/exit-child.mjs', import.meta.url));
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
/** Longest time from the last line to the end of the process, in milliseconds. */
const EXIT_MS = 1_000;

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function start(answer: Parameters<typeof startFixture>[0]): Promise<Fixture> {
  const fixture = await startFixture(answer);
  cleanUp.push(() => fixture.close());
  return fixture;
}

interface ChildEnd {
  readonly output: string;
  readonly code: number | null;
  readonly afterMs: number;
}

async function run(file: string, serverList: string): Promise<ChildEnd> {
  const options = { serverList, name: 'orders', ip: '10.1.2.3', port: 3000, heartbeatMs: 50 };
  const service = await startService({
    file,
    args: [JSON.stringify(options)],
    // pnpm's launchers put every package of the workspace there.
    env: { NODE_PATH: '' },
  });
  cleanUp.push(() => service.kill());
  const closed = await service.waitForLine(/^closed/, 15_000);
  const exit = await service.exited;
  return {
    output: service.lines.map(({ text }) => text).join('\n'),
    code: exit.code,
    afterMs: exit.atMs - closed.atMs,
  };
}

describe('a process whose adapter is closed', () => {
  it.each([
    ['v1, through the npm client', serverV1],
    ['v3', serverV3],
  ])('ends at once, %s', async (_, server) => {
    const fixture = await start(server());
    const { output, code, afterMs } = await run(CHILD, fixture.addr);
    expect(output).not.toContain('failed');
    expect(output).not.toMatch(/TCPSocketWrap|Timeout/);
    expect(code).toBe(0);
    expect(afterMs).toBeLessThan(EXIT_MS);
  });
});

describe('a process without the npm package "nacos"', () => {
  /** A folder in which everything is installed but that. */
  function installWithoutNacos(): string {
    const folder = mkdtempSync(join(tmpdir(), 'prestop-nacos-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, '@prestop'), { recursive: true });
    for (const name of ['core', 'registry-adapters']) {
      for (const part of ['dist', 'package.json']) {
        cpSync(join(PACKAGE, '..', name, part), join(modules, '@prestop', name, part), { recursive: true });
      }
    }
    symlinkSync(realpathSync(join(PACKAGE, 'node_modules/undici')), join(modules, 'undici'));
    symlinkSync(realpathSync(join(PACKAGE, '../core/node_modules/http-terminator')), join(modules, 'http-terminator'));
    cpSync(CHILD, join(folder, 'child.mjs'));
    return join(folder, 'child.mjs');
  }

  it('is told what to install when the server speaks v1', async () => {
    const fixture = await start(serverV1());
    const { output } = await run(installWithoutNacos(), fixture.addr);
    expect(output).toContain('failed unsupported: nacos: the npm package "nacos"');
    expect(output).toContain('is not installed: npm install nacos@^2.6.3');
  });

  it('does without when the server speaks v3', async () => {
    const fixture = await start(serverV3());
    const { output, code } = await run(installWithoutNacos(), fixture.addr);
    expect(output).not.toContain('failed');
    expect(code).toBe(0);
  });
});
