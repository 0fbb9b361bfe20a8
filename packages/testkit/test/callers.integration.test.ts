import {
  createServer as createHttp2Server,
  createSecureServer as createSecureHttp2Server,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import {
  type CallersOptions,
  type CallerTally,
  type ClientKind,
  freePort,
  type SentRequest,
  type Service,
  type SettledRequest,
  selfSignedCertificate,
  sendOnce,
  startCallers,
  startService,
} from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { fixture, portOf } from './fixtures/index.ts';

const started: Service[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.kill()));
});

async function target(env: Record<string, string> = {}): Promise<{ service: Service; address: string }> {
  const service = await startService({ file: fixture('load-target.mjs'), env });
  started.push(service);
  return { service, address: `127.0.0.1:${await portOf(service)}` };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const listing =
  (...addresses: string[]) =>
  async () =>
    addresses;

async function listening(server: NetServer): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address() as AddressInfo;
}

/** Callers at work for a while. */
async function call(ms: number, options: CallersOptions): Promise<CallerTally> {
  const callers = startCallers({ thinkMs: 5, count: 6, ...options });
  await sleep(ms);
  return callers.stop();
}

function expectToAddUp(tally: CallerTally): void {
  expect(tally.answered + tally.lostCount).toBe(tally.sent);
  expect(Object.values(tally.causes).reduce((sum, count) => sum + count, 0)).toBe(tally.lostCount);
  const targets = Object.values(tally.perTarget);
  expect(targets.reduce((sum, counts) => sum + counts.sent, 0)).toBe(tally.sent);
  expect(targets.reduce((sum, counts) => sum + counts.answered, 0)).toBe(tally.answered);
}

const KINDS: readonly ClientKind[] = ['node', 'undici', 'new-connection'];

describe('a healthy service', () => {
  it('loses nothing, and every kind of client has taken part', async () => {
    const first = await target();
    const second = await target();
    const progress: number[] = [];
    const callers = startCallers({
      discover: listing(first.address, second.address),
      requests: [
        { path: '/', weight: 3, validate: (_, body) => body === 'ok' },
        { path: '/close' },
        {
          make: ({ caller, number }) => {
            const body = `${caller}/${number}`.repeat(1000);
            return { method: 'POST', path: '/echo', body, validate: (_, echoed) => echoed === body };
          },
        },
      ],
      clients: KINDS,
      count: 12,
      thinkMs: 2,
      progressEveryMs: 50,
      onProgress: (counters) => progress.push(counters.answered),
    });
    await callers.waitForAnswered(1000);
    const tally = await callers.stop();
    expect(tally.lost).toEqual([]);
    expect(tally).toMatchObject({ answered: tally.sent, starved: expect.any(Number), discoveryFailures: 0 });
    expect(tally.statuses).toEqual({ 200: tally.answered });
    expect(tally.latencyMs.p50).toBeGreaterThan(0);
    expect(tally.latencyMs.max).toBeGreaterThanOrEqual(tally.latencyMs.p99);
    const perTarget = Object.values(tally.perTarget).map((counts) => counts.sent);
    expect(Math.min(...perTarget) / Math.max(...perTarget)).toBeGreaterThan(0.9);
    expect(progress.at(-1)).toBe(tally.answered);
    expect(await callers.stop()).toBe(tally);
    expectToAddUp(tally);
  });

  it('loses nothing over TLS either', async () => {
    const { cert, key } = selfSignedCertificate();
    const server = createSecureServer({ cert, key }, (_, response) => response.end('ok'));
    const { port } = await listening(server);
    const discover = listing(`127.0.0.1:${port}`);
    const options = { discover, requests: [{ path: '/' }], clients: KINDS };
    const trusting = await call(300, { ...options, tls: { ca: cert } });
    const blind = await call(300, { ...options, tls: { verify: false } });
    const doubting = await call(100, { ...options, tls: { ca: selfSignedCertificate().cert } });
    server.close();
    expect([trusting.lost, blind.lost]).toEqual([[], []]);
    expect(Math.min(trusting.answered, blind.answered)).toBeGreaterThan(5);
    expect(doubting.answered).toBe(0);
  });

  it.each([
    { over: 'h2c', tls: undefined },
    { over: 'TLS', tls: selfSignedCertificate() },
  ])('loses nothing over HTTP/2 ($over), also where the server sends its sessions away', async ({ tls }) => {
    const server = tls ? createSecureHttp2Server(tls) : createHttp2Server();
    const sessions: ServerHttp2Session[] = [];
    server.on('session', (session: ServerHttp2Session) => sessions.push(session));
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': headers[':path'] === '/bad' ? 503 : 200 });
      setTimeout(() => stream.end('ok'), 2);
    });
    const { port } = await listening(server);
    const callers = startCallers({
      discover: listing(`127.0.0.1:${port}`),
      requests: [
        { path: '/', validate: (_, body) => body === 'ok' },
        { method: 'POST', path: '/', body: 'x' },
      ],
      clients: ['http2'],
      count: 6,
      thinkMs: 1,
      ...(tls && { tls: { ca: tls.cert } }),
    });
    await callers.waitForAnswered(100);
    const first = sessions.splice(0);
    for (const session of first) session.close();
    await callers.waitForAnswered(300);
    const tally = await callers.stop();
    const bad = await sendOnce(
      `127.0.0.1:${port}`,
      { path: '/bad' },
      { client: 'http2', ...(tls && { tls: { ca: tls.cert } }) },
    );
    server.close();
    expect(tally.lost).toEqual([]);
    expect([first.length, sessions.length]).toEqual([6, 7]);
    expect(bad).toMatchObject({ status: 503 });
  });

  it('finishes what is in flight when it stops', async () => {
    const { address } = await target();
    const callers = startCallers({ discover: listing(address), requests: [{ path: '/' }], count: 20, thinkMs: 0 });
    await callers.waitForAnswered(200);
    const tally = await callers.stop();
    expect(tally).toMatchObject({ lostCount: 0, answered: tally.sent });
  });
});

describe('losses are found', () => {
  it.each([
    { path: '/destroyed', causes: ['ECONNRESET', 'UND_ERR_SOCKET'] },
    { path: '/reset', causes: ['ECONNRESET', 'UND_ERR_SOCKET'] },
    { path: '/cut', causes: ['ECONNRESET', 'UND_ERR_SOCKET'] },
    { path: '/cut-chunked', causes: ['ECONNRESET', 'UND_ERR_SOCKET'] },
    { path: '/unavailable', causes: ['status 503'] },
  ])('all of $path', async ({ path, causes }) => {
    const { address } = await target();
    const tally = await call(200, { discover: listing(address), requests: [{ path }], clients: KINDS });
    expect(tally.answered).toBe(0);
    expect(causes).toEqual(expect.arrayContaining(Object.keys(tally.causes)));
    expect(new Set(tally.lost.map((lost) => lost.client))).toEqual(new Set(KINDS));
    expectToAddUp(tally);
  });

  it('an answer that the request does not accept', async () => {
    const { address } = await target();
    const requests = [{ path: '/', validate: (_: number, body: string) => body === 'something else' }];
    const tally = await call(100, { discover: listing(address), requests });
    expect(tally.causes).toEqual({ 'invalid answer': tally.sent });
  });

  it('a request that is never answered, after the timeout', async () => {
    const { address } = await target();
    const requests = [{ path: '/silent' }];
    const tally = await call(50, { discover: listing(address), requests, clients: KINDS, timeoutMs: 150 });
    expect(tally.causes).toEqual({ ETIMEDOUT: 6 });
    expect(tally.lost.every((lost) => lost.afterMs > 140 && lost.afterMs < 400)).toBe(true);
  });

  it('a service that is not there', async () => {
    const discover = listing(`127.0.0.1:${await freePort()}`);
    const tally = await call(100, { discover, requests: [{ path: '/' }], clients: [...KINDS, 'http2'] });
    expect(tally.causes).toEqual({ ECONNREFUSED: tally.sent });
    expect(tally.lost.every((lost) => lost.requestOnConnection === 0 && !lost.reusedSocket)).toBe(true);
    expectToAddUp(tally);
  });

  it('a service that dies under load, with where each request was on its connection', async () => {
    const { address, service } = await target({ DIE_AFTER: '200' });
    const requests = [{ path: '/', method: 'GET' }];
    const callers = startCallers({ discover: listing(address), requests, count: 10, thinkMs: 5 });
    await service.exited;
    await sleep(200);
    const tally = await callers.stop();
    expect(tally.answered).toBeGreaterThan(150);
    // A connection that the kernel still accepted while the process was dying is reset too, at its first request.
    const kept = tally.lost.filter((lost) => lost.reusedSocket);
    expect(kept.length).toBeGreaterThan(0);
    for (const lost of kept) expect(lost).toMatchObject({ cause: expect.not.stringMatching('ECONNREFUSED') });
    for (const lost of kept) expect(lost.requestOnConnection).toBeGreaterThan(5);
    expect(tally.causes['ECONNREFUSED']).toBeGreaterThan(0);
    expectToAddUp(tally);
  });
});

describe('discovery', () => {
  it('sends to an instance until the last caller has learned that it is gone, and not longer', async () => {
    const [first, second] = [await target(), await target()];
    let listed = [first.address, second.address];
    const lagMs = 400;
    const options = { discover: async () => listed, requests: [{ path: '/' }], lagMs, count: 20, thinkMs: 5 };
    const callers = startCallers(options);
    await callers.waitForAnswered(200);
    listed = [second.address];
    const removedAtMs = callers.counters().elapsedMs;
    await sleep(700);
    const tally = await callers.stop();
    const { lastSentAtMs = 0 } = tally.perTarget[first.address] ?? {};
    expect(lastSentAtMs - removedAtMs).toBeGreaterThan(lagMs - 100);
    expect(lastSentAtMs - removedAtMs).toBeLessThan(lagMs + 300);
    expect(tally.lost).toEqual([]);
  });

  it('gives each caller the lag that a list says', async () => {
    const [first, second] = [await target(), await target()];
    let listed = [first.address, second.address];
    const lastSentAtMs = new Map<number, number>();
    const callers = startCallers({
      discover: async () => listed,
      requests: [{ path: '/' }],
      lagMs: [100, 500],
      count: 2,
      thinkMs: 5,
      onSent: ({ target, caller, atMs }) => {
        if (target === first.address) lastSentAtMs.set(caller, atMs);
      },
    });
    await callers.waitForAnswered(50);
    listed = [second.address];
    const removedAtMs = callers.counters().elapsedMs;
    await sleep(700);
    await callers.stop();
    for (const [caller, lagMs] of [100, 500].entries()) {
      const afterMs = (lastSentAtMs.get(caller) ?? 0) - removedAtMs;
      expect(afterMs).toBeGreaterThan(lagMs - 90);
      expect(afterMs).toBeLessThan(lagMs + 300);
    }
  });

  it('counts callers that have nobody to call, and they go on when there is somebody', async () => {
    const { address } = await target();
    const listed: string[] = [];
    const callers = startCallers({ discover: async () => listed, requests: [{ path: '/' }], count: 5, thinkMs: 5 });
    await sleep(100);
    expect(callers.counters()).toMatchObject({ sent: 0, starved: 5 });
    listed.push(address);
    await callers.waitForAnswered(20, 2000);
    await callers.stop();
  });

  it('can be stopped while all starve', async () => {
    const callers = startCallers({ discover: async () => [], requests: [{ path: '/' }], count: 5 });
    await expect(callers.waitForAnswered(1, 50)).rejects.toMatchObject({ code: 'ERR_TESTKIT_TIMEOUT' });
    expect(await callers.stop()).toMatchObject({ sent: 0, starved: 5 });
  });
});

it('tells of every request, when it is sent and when it is over', async () => {
  const { address } = await target();
  const sent: SentRequest[] = [];
  const settled: SettledRequest[] = [];
  const tally = await call(150, {
    discover: listing(address),
    requests: [{ path: '/' }, { path: '/unavailable' }, { path: '/destroyed' }],
    onSent: (request) => sent.push(request),
    onSettled: (request) => settled.push(request),
  });
  expect([sent.length, settled.length]).toEqual([tally.sent, tally.sent]);
  expect(settled.filter(({ cause }) => cause !== undefined)).toEqual(tally.lost);
  expect(settled.find(({ path }) => path === '/')).toMatchObject({ status: 200, target: address, method: 'GET' });
  expect(settled.find(({ path }) => path === '/unavailable')).toMatchObject({ status: 503, cause: 'status 503' });
});

it('makes the same requests for the same seed', async () => {
  const { address } = await target();
  const schedule = async (seed: number) => {
    const made = new Map<number, string[]>();
    const note = (name: string) => ({
      make: ({ caller, random }: { caller: number; random: () => number }) => {
        made.set(caller, [...(made.get(caller) ?? []), `${name}${random()}`]);
        return { path: '/' };
      },
    });
    const requests = [note('a'), note('b')];
    const callers = startCallers({ discover: listing(address), requests, count: 3, thinkMs: 2, seed });
    await callers.waitForAnswered(60);
    await callers.stop();
    return [0, 1, 2].map((caller) => made.get(caller)?.slice(0, 10));
  };
  const once = await schedule(5);
  expect(await schedule(5)).toEqual(once);
  expect(await schedule(6)).not.toEqual(once);
});

it('is cheap: 40 callers at 2,000 requests a second take well under one core', async () => {
  const { address } = await target();
  const callers = startCallers({ discover: listing(address), requests: [{ path: '/' }], thinkMs: 15 });
  await callers.waitForAnswered(500);
  const before = process.cpuUsage();
  const from = callers.counters();
  await sleep(1500);
  const used = process.cpuUsage(before);
  const to = callers.counters();
  await callers.stop();
  const perRequestUs = (used.user + used.system) / (to.answered - from.answered);
  // 2,000 a second at 400 µs each would be most of a core.
  expect(perRequestUs).toBeLessThan(400);
  expect(to.lost).toBe(0);
});

it.each([{ count: 0 }, { requests: [] }, { clients: [] }, { lagMs: -1 }, { lagMs: [1, 2] }, { timeoutMs: Number.NaN }])(
  'refuses %j',
  (wrong) => {
    const options = { discover: listing(), requests: [{ path: '/' }], ...wrong };
    expect(() => startCallers(options)).toThrow(expect.objectContaining({ code: 'ERR_TESTKIT_OPTION_INVALID' }));
  },
);
