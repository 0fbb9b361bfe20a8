import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, ask } from '../src/hook/call.ts';
import { callPoststart, callPrestop, type HookWorld } from '../src/hook/hook.ts';
import { folder } from './support/folder.ts';
import { prestop } from './support/io.ts';

const TOKEN = 'correct-horse-battery-staple';
const REPORT = `${JSON.stringify({ version: 1, outcome: 'drained', requests: { cutCount: 0 } })}\n`;

async function listen(listener: RequestListener, host = '127.0.0.1'): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const text =
  (status: number, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { connection: 'close' }).end(body);
  };

describe('prestop hook prestop', () => {
  it('asks once, with the token, and prints the report', async () => {
    const seen: string[] = [];
    const port = await listen((request, response) => {
      const { 'x-prestop-token': token, 'user-agent': agent } = request.headers;
      seen.push([request.method, request.url, token, agent].join(' '));
      response.end(REPORT);
    });
    const result = await prestop(['hook', 'prestop', '--port', String(port)], { env: { PRESTOP_TOKEN: TOKEN } });
    expect(result).toEqual({ code: 0, stdout: REPORT, stderr: 'prestop hook prestop: drained\n' });
    expect(seen).toEqual([`GET /prestop ${TOKEN} prestop-hook`]);
  });

  it('the token may stand in a file, which wins over the environment', async () => {
    let seen: unknown;
    const port = await listen((request, response) => {
      seen = request.headers['x-prestop-token'];
      response.end(REPORT);
    });
    const cwd = folder({ token: `${TOKEN}\n` });
    await prestop(['hook', 'prestop', '-p', String(port), '--token-file', 'token'], {
      cwd,
      env: { PRESTOP_TOKEN: 'other-token' },
    });
    expect(seen).toBe(TOKEN);
    await prestop(['hook', 'prestop', '-p', String(port)], { env: { PRESTOP_TOKEN: '' } });
    expect(seen).toBeUndefined();
  });

  it('waits as long as the answer takes', async () => {
    const port = await listen((_request, response) => {
      response.write('{"outcome":');
      setTimeout(() => response.end('"drained"}'), 300);
    });
    const start = performance.now();
    expect((await prestop(['hook', 'prestop', '-p', String(port)])).code).toBe(0);
    expect(performance.now() - start).toBeGreaterThan(250);
  });

  it.each([
    [1, 200, JSON.stringify({ outcome: 'forced', requests: { cutCount: 2 } }), 'forced, 2 requests cut'],
    [1, 200, JSON.stringify({ outcome: 'closer-failed' }), 'closer-failed'],
    [1, 200, JSON.stringify({ outcome: 'drained', requests: { cutCount: 1 } }), 'drained, 1 request cut'],
    [0, 200, JSON.stringify({ outcome: 'clean', requests: { cutCount: 0 } }), 'clean'],
    [3, 403, '{"error":"forbidden"}', 'refused with 403: the token is missing or wrong'],
    [3, 401, '', 'refused with 401'],
    [6, 404, 'Cannot GET /prestop', 'answered 404'],
    [6, 302, '', 'answered 302'],
    [6, 503, '{"error":"stopped"}', 'answered 503'],
    [6, 200, '<html>', 'answered 200 without a report'],
    [6, 200, '[]', 'answered 200 without a report'],
  ])('exit %d for status %d', async (code, status, body, words) => {
    const port = await listen(text(status, body));
    const result = await prestop(['hook', 'prestop', '-p', String(port)]);
    expect(result.code).toBe(code);
    expect(result.stdout.trimEnd()).toBe(body);
    expect(result.stderr).toContain(words);
  });

  it('exit 4 where nothing listens, or the connection ends before the answer', async () => {
    const nobody = await prestop(['hook', 'prestop', '-p', String(await closedPort())]);
    expect(nobody).toMatchObject({ code: 4, stdout: '' });
    expect(nobody.stderr).toMatch(/ECONNREFUSED at 127\.0\.0\.1 port \d+/);
    const port = await listen((request) => request.socket.destroy());
    expect(await prestop(['hook', 'prestop', '-p', String(port)])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('ended before the answer'),
    });
  });

  it('exit 5 when --timeout passes', async () => {
    const port = await listen(() => {});
    expect(await prestop(['hook', 'prestop', '-p', String(port), '--timeout', '0.2'])).toMatchObject({
      code: 5,
      stderr: 'prestop hook prestop: no answer within 0.2 s\n',
    });
  });

  it('finds a server that listens on IPv6 only', async () => {
    const port = await listen(text(200, REPORT), '::1').catch(() => undefined);
    if (port === undefined) return;
    expect((await ask({ endpoint: 'prestop', port, token: undefined, timeoutMs: 2000 })).kind).toBe('answer');
  });

  it('takes the port from ADMIN_PORT where none is given', async () => {
    const port = await listen(text(200, REPORT));
    expect((await prestop(['hook', 'prestop'], { env: { ADMIN_PORT: String(port) } })).code).toBe(0);
  });

  it('keeps the report in a file; that it cannot is no failure', async () => {
    const port = await listen(text(200, REPORT));
    const cwd = folder();
    expect((await prestop(['hook', 'prestop', '-p', String(port), '--report', 'report.json'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 'report.json'), 'utf8')).toBe(REPORT);
    const lost = await prestop(['hook', 'prestop', '-p', String(port), '--report', 'no/report.json'], { cwd });
    expect(lost).toMatchObject({
      code: 0,
      stdout: REPORT,
      stderr: expect.stringContaining('cannot write no/report.json: no such file'),
    });
  });

  it('follows no redirect', async () => {
    let elsewhere = 0;
    const other = await listen((_request, response) => {
      elsewhere++;
      response.end(REPORT);
    });
    const port = await listen((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${other}/prestop` }).end();
    });
    expect((await prestop(['hook', 'prestop', '-p', String(port)], { env: { PRESTOP_TOKEN: TOKEN } })).code).toBe(6);
    expect(elsewhere).toBe(0);
  });
});

describe('the token is never shown', () => {
  it.each([
    ['two lines', 'first-line-of-it\nsecond-line-of-it'],
    ['no ASCII', 'pässwörter-in-there'],
    ['a control character', 'bell\u0007-in-there'],
  ])('%s: refused without a word of it', async (_, token) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'token'), token);
    for (const result of [
      await prestop(['hook', 'prestop', '--token-file', 'token'], { cwd }),
      await prestop(['hook', 'prestop'], { cwd, env: { PRESTOP_TOKEN: token } }),
    ]) {
      expect(result).toMatchObject({ code: 2, stdout: '' });
      for (const part of token.split('\n').flatMap((line) => line.split('\u0007')))
        expect(result.stderr).not.toContain(part);
      expect(result.stderr).toContain(`it has ${token.length} characters`);
    }
  });

  it('a file that is missing or empty is named', async () => {
    const cwd = folder({ empty: '\n' });
    expect((await prestop(['hook', 'prestop', '--token-file', 'gone'], { cwd })).stderr).toContain(
      'cannot read the token file gone: no such file',
    );
    expect((await prestop(['hook', 'prestop', '--token-file', 'empty'], { cwd })).stderr).toContain('it is empty');
  });

  it('not when the call fails either', async () => {
    const port = await listen(text(403, '{"error":"forbidden"}'));
    for (const endpoint of ['prestop', 'poststart']) {
      const { stdout, stderr } = await prestop(['hook', endpoint, '-p', String(port)], {
        env: { PRESTOP_TOKEN: TOKEN },
      });
      expect(stdout + stderr).not.toContain(TOKEN);
    }
  });
});

/** A world in which time passes only in pauses and calls. */
function worldOf(
  answers: (at: number) => Answer & { readonly takes?: number },
): HookWorld & { readonly asked: number[] } {
  let now = 0;
  const asked: number[] = [];
  return {
    asked,
    now: () => now,
    pause: async (ms) => {
      now += ms;
    },
    ask: async ({ timeoutMs = Number.POSITIVE_INFINITY }) => {
      asked.push(now);
      const { takes = 1, ...answer } = answers(now);
      now += Math.min(takes, timeoutMs);
      return takes > timeoutMs ? { kind: 'timeout', connected: true } : (answer as Answer);
    },
  };
}

const REFUSED: Answer = { kind: 'unreachable', reason: 'ECONNREFUSED' };
const READY: Answer = { kind: 'answer', status: 200, body: '{"status":"ready"}' };

describe('prestop hook poststart', () => {
  const options = { port: 9090 };

  it('asks again until the service listens and is ready', async () => {
    const world = worldOf((at) => (at < 20_000 ? REFUSED : { ...READY, takes: 5_000 }));
    expect(await callPoststart(options, world)).toMatchObject({ exitCode: 0, message: 'ready' });
    const pauses = world.asked.slice(1).map((at, index) => at - (world.asked[index] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(101);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_001);
  });

  it('is never the reason to kill a container that answers: 60 s, then it goes on', async () => {
    const world = worldOf((at) => (at < 5_000 ? REFUSED : { ...READY, takes: 1e9 }));
    const result = await callPoststart(options, world);
    expect(result).toMatchObject({ exitCode: 0, message: expect.stringContaining('not ready within 60 s') });
    expect(world.now()).toBeGreaterThanOrEqual(60_000);
    expect(world.now()).toBeLessThan(61_000);
  });

  it('--on-timeout fail makes that a failure', async () => {
    const world = worldOf(() => ({ kind: 'answer', status: 503, body: '' }));
    expect(await callPoststart({ ...options, timeoutMs: 3_000, onTimeout: 'fail' }, world)).toMatchObject({
      exitCode: 5,
      message: 'not ready within 3 s (it answered 503)',
    });
  });

  it('nor of one that starts slowly: its startup probe judges that, unless --on-timeout fail', async () => {
    const after3s = { ...options, timeoutMs: 3_000 };
    expect(
      await callPoststart(
        after3s,
        worldOf(() => REFUSED),
      ),
    ).toMatchObject({
      exitCode: 0,
      message: 'nothing listened within 3 s (ECONNREFUSED); the container goes on, its probes decide',
    });
    expect(
      await callPoststart(
        { ...after3s, onTimeout: 'fail' },
        worldOf(() => REFUSED),
      ),
    ).toMatchObject({ exitCode: 4, message: 'nothing listened within 3 s (ECONNREFUSED)' });
  });

  it.each([
    [403, 3],
    [404, 6],
  ])('status %d will not get better: exit %d at once', async (status, exitCode) => {
    const world = worldOf(() => ({ kind: 'answer', status, body: '' }));
    expect(await callPoststart(options, world)).toMatchObject({ exitCode });
    expect(world.asked).toHaveLength(1);
  });

  it('does it over real sockets', async () => {
    const port = await closedPort();
    const server = createServer((request, response) => {
      expect(request.url).toBe('/poststart');
      response.end('{"status":"ready"}');
    });
    onTestFinished(() => void server.close());
    const waiting = prestop(['hook', 'poststart', '-p', String(port), '--timeout', '20']);
    setTimeout(() => server.listen(port, '127.0.0.1'), 300);
    expect(await waiting).toEqual({
      code: 0,
      stdout: '{"status":"ready"}\n',
      stderr: 'prestop hook poststart: ready\n',
    });
  });
});

it('prestop does not ask again: when nothing answers there is nothing to drain', async () => {
  const world = worldOf(() => REFUSED);
  expect((await callPrestop({ port: 9090 }, world)).exitCode).toBe(4);
  expect(world.asked).toEqual([0]);
});

it('an ADMIN_PORT that is no port is a mistake, not the default', async () => {
  for (const port of ['http', '0', '70000', '9090 ']) {
    const { code, stderr } = await prestop(['hook', 'prestop'], { env: { ADMIN_PORT: port } });
    expect(code).toBe(2);
    expect(stderr).toContain(`ADMIN_PORT must be a whole number from 1 to 65535, not "${port}"`);
  }
});

describe('usage', () => {
  it.each([
    [['hook'], 'hook needs prestop or poststart'],
    [['hook', 'prestart'], 'hook takes prestop or poststart, not "prestart"'],
    [['hook', 'prestop', 'now'], 'takes nothing more: "now"'],
    [['hook', 'prestop', '--port', '0'], '--port must be a whole number from 1 to 65535'],
    [['hook', 'prestop', '--on-timeout', 'pass'], '--on-timeout is for poststart'],
    [['hook', 'poststart', '--on-timeout', 'ignore'], '--on-timeout must be one of pass, fail'],
    [['hook', 'poststart', '--timeout', 'soon'], '--timeout must be a number'],
  ])('%j', async (line, words) => {
    const { code, stderr } = await prestop(line);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
