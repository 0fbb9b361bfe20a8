import { tmpdir } from 'node:os';
import { freePort, openRaw, type Service, startCommand, startService } from '@prestop/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fixture, portOf } from './fixtures/index.ts';

const started: Service[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.kill()));
});

async function start(...options: Parameters<typeof startService>): Promise<Service> {
  const service = await startService(...options);
  started.push(service);
  return service;
}

it('starts a service, sees it ready, signals it and tells how it ended', async () => {
  const port = await freePort();
  const service = await start({ file: fixture('service.mjs'), env: { PORT: String(port) } });
  await service.waitForHttp(`http://127.0.0.1:${port}/`);
  expect(service.running).toBe(true);
  const beforeMs = performance.now();
  expect(service.signal('SIGTERM')).toBe(true);
  const exit = await service.exited;
  expect(exit).toMatchObject({ code: 0, signal: null });
  expect(exit.atMs).toBeGreaterThan(beforeMs);
  expect(service.lines.at(-1)).toMatchObject({ stream: 'stdout', text: 'got SIGTERM' });
  expect([service.running, service.signal('SIGTERM')]).toEqual([false, false]);
});

it('finds a line that is already there, and gives arguments, node options and folder on', async () => {
  const service = await start({
    file: fixture('arguments.mjs'),
    args: ['--one', 'two words'],
    execArgv: ['--no-warnings'],
    env: { ADDED: 'yes', PATH: undefined },
    cwd: tmpdir(),
  });
  await service.exited;
  const { text } = await service.waitForLine((line) => line.text.startsWith('{'));
  expect(JSON.parse(text)).toEqual({
    args: ['--one', 'two words'],
    execArgv: ['--no-warnings'],
    added: 'yes',
    cwd: expect.any(String),
  });
});

it('keeps the newest lines only', async () => {
  const service = await start({ file: fixture('talkative.mjs'), keepLines: 10 });
  await service.exited;
  expect(service.lines.map((line) => line.text)).toEqual(
    Array.from({ length: 10 }, (_, index) => `line ${990 + index}`),
  );
});

it('gives the last words of a service that ends before it is ready', async () => {
  const service = await start({ file: fixture('crash.mjs') });
  const waiting = service.waitForHttp(`http://127.0.0.1:${await freePort()}/`);
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_TESTKIT_SERVICE_EXITED' });
  await expect(waiting).rejects.toThrow(/ended \(code 3\) before 200[\s\S]*stderr: configuration is missing/);
  await expect(service.waitForLine(/ready/)).rejects.toThrow(/ended \(code 3\)/);
});

it('gives up waiting, with the output so far', async () => {
  const service = await start({ file: fixture('service.mjs') });
  const port = await portOf(service);
  await expect(service.waitForLine(/ready/, 50)).rejects.toThrow(
    /in vain for a line that matches \/ready\/[\s\S]*listening/,
  );
  const waiting = service.waitForHttp(`http://127.0.0.1:${port}/probe/bad`, 100);
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_TESTKIT_TIMEOUT' });
});

it('refuses a folder that does not exist', async () => {
  const starting = startService({ file: fixture('service.mjs'), cwd: fixture('nowhere') });
  await expect(starting).rejects.toMatchObject({ code: 'ERR_TESTKIT_SPAWN' });
});

describe.runIf(process.platform !== 'win32')('startCommand', () => {
  it('signals the first process only, and kills what it leaves behind', async () => {
    const script = 'node "$SCRIPT" & wait';
    const service = await startCommand({ command: ['sh', '-c', script], env: { SCRIPT: fixture('service.mjs') } });
    started.push(service);
    const port = await portOf(service);
    service.signal('SIGTERM');
    expect(await service.exited).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(service.lines.map((line) => line.text)).not.toContain('got SIGTERM');
    await vi.waitFor(() => expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' }), 2000);
  });

  it('names the command that cannot be started', async () => {
    const starting = startCommand({ command: ['no-such-program', '--flag'] });
    await expect(starting).rejects.toMatchObject({ code: 'ERR_TESTKIT_SPAWN' });
    await expect(starting).rejects.toThrow(/cannot start no-such-program --flag/);
  });
});

it.runIf(process.platform !== 'win32').each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'leaves no child behind when the parent dies of %s',
  async (signal) => {
    const parent = await start({ file: fixture('parent.mjs'), args: [fixture('service.mjs')] });
    const { text } = await parent.waitForLine(/^child listening \d+$/);
    const port = Number(text.split(' ')[2]);
    await (await openRaw(port)).close();
    parent.signal(signal);
    await parent.exited;
    await vi.waitFor(() => expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' }), 2000);
  },
);
