import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createLifecycle } from '../src/lifecycle.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import { type FakeExchange, FakeServer } from './support/fake-server.ts';
import { Harness } from './support/harness.ts';

afterEach(() => Harness.stopAll());

describe('attach', () => {
  test('gives the server back', () => {
    const harness = new Harness({ servers: [] });
    const { server } = new FakeServer();
    expect(harness.lifecycle.attach(server)).toBe(server);
  });

  test('refuses the same server twice', () => {
    const harness = new Harness();
    expect(() => harness.lifecycle.attach(harness.server.server)).toThrowError(
      expect.objectContaining({ code: 'ERR_PRESTOP_SERVER_ATTACHED' }),
    );
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an Express app', () => {}],
    ['options', { port: 3_000 }],
    ['a server of node:net', createNetServer()],
  ])('refuses %s', (_, given) => {
    const harness = new Harness({ servers: [] });
    expect(() => harness.lifecycle.attach(given as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_PRESTOP_SERVER_INVALID', option: 'server' }),
    );
  });

  test('starts by itself, after the turn', async () => {
    const harness = new Harness({ start: 'listening' });
    expect(harness.lifecycle.phase).toBe('starting');
    await settle();
    expect([harness.lifecycle.phase, harness.signals.listeners]).toEqual(['ready', 2]);
  });
});

test('http-terminator follows no connection while the service runs', async () => {
  const harness = new Harness({ resumeAfterMs: 1_000 });
  const ours = (): number => harness.server.server.listenerCount('connection');
  await harness.ready();
  const running = ours();
  await harness.resolved(harness.prestop());
  const terminating = ours();
  await harness.clock.advance(2_000);
  expect([running, terminating, harness.lifecycle.phase, ours()]).toEqual([1, 2, 'ready', 1]);
});

describe('start', () => {
  test('is one promise, however often it is called', async () => {
    const harness = new Harness();
    const first = harness.lifecycle.start();
    expect(harness.lifecycle.start()).toBe(first);
    await first;
    expect(harness.signals.listeners).toBe(2);
  });

  test('waits until every server listens', async () => {
    const servers = [new FakeServer(), new FakeServer(false)];
    const harness = new Harness({ servers });
    void harness.lifecycle.start();
    await settle();
    expect(harness.lifecycle.phase).toBe('starting');
    servers[1]?.server.listen();
    await settle();
    expect(harness.lifecycle.phase).toBe('ready');
  });

  test('that fails leaves nothing open, is told, and stays failed', async () => {
    const harness = new Harness();
    harness.lifecycle.onClose('pool', () => {}, { after: ['telemetry'] });
    const failure = { code: 'ERR_PRESTOP_CLOSER_INVALID' };
    await expect(harness.lifecycle.start()).rejects.toMatchObject(failure);
    await expect(harness.lifecycle.start()).rejects.toMatchObject(failure);
    expect(harness.events('startFailed')).toMatchObject([{ error: failure }]);
    expect([harness.signals.listeners, harness.server.listeners()]).toEqual([0, new FakeServer().listeners()]);
  });

  test('without a server or a registry is ready at once', async () => {
    const harness = await new Harness({ servers: [] }).ready();
    expect(harness.lifecycle.phase).toBe('ready');
  });

  test('listens to the signals of the options only', async () => {
    const harness = await new Harness({ signals: ['SIGUSR2'] }).ready();
    expect(harness.signals.send('SIGTERM')).toBe(false);
    harness.signals.send('SIGUSR2');
    await settle();
    expect(harness.lifecycle.phase).not.toBe('ready');
  });
});

/** What an endpoint of a lifecycle answers, over a connection of its own. */
async function ask(harness: Harness, path: string): Promise<FakeExchange> {
  const handle = harness.lifecycle.handler();
  const exchange = harness.server.request({ url: path });
  expect(handle(exchange.request, exchange.response)).toBe(true);
  await settle();
  return exchange;
}

describe('the endpoints of a lifecycle', () => {
  const status = async (harness: Harness, path: string): Promise<number | undefined> =>
    (await ask(harness, path)).head?.status;

  test.each([
    { readyzWhileServing: 'fail', whileServing: 503 },
    { readyzWhileServing: 'serve', whileServing: 200 },
  ] as const)(
    '/readyz while a terminating service serves: $readyzWhileServing',
    async ({ readyzWhileServing, whileServing }) => {
      const clock = new FakeClock();
      const registry = new FakeRegistry(clock, { settleMs: 500, register: ['hang', 'ok'] });
      const harness = new Harness({ clock, registry, readyzWhileServing });
      expect(await status(harness, '/readyz')).toBe(503);
      void harness.lifecycle.start();
      await clock.advance(1_000);
      expect(await status(harness, '/readyz')).toBe(503);
      await clock.advance(5_000);
      expect(await status(harness, '/readyz')).toBe(200);
      void harness.prestop();
      await settle();
      const seen = new Map<string, number | undefined>();
      for (let round = 0; round < 200; round++) {
        seen.set(harness.lifecycle.phase, await status(harness, '/readyz'));
        await clock.advance(25);
      }
      expect(Object.fromEntries(seen)).toEqual({
        deregistering: whileServing,
        'lame-duck': whileServing,
        draining: whileServing,
      });
    },
  );

  test('/livez fails after a declared failure only, and keeps the first reason', async () => {
    const harness = new Harness();
    expect(await status(harness, '/livez')).toBe(200);
    await harness.ready();
    void harness.prestop();
    await settle();
    expect(await status(harness, '/livez')).toBe(200);
    harness.lifecycle.fail('the event loop is blocked');
    harness.lifecycle.fail('another');
    expect([await status(harness, '/livez'), harness.lifecycle.status().live]).toEqual([503, false]);
  });

  test('/poststart waits until the service is ready', async () => {
    const clock = new FakeClock();
    const harness = new Harness({ clock, registry: new FakeRegistry(clock, { check: ['gone', 'gone', 'ok'] }) });
    const waiting = await ask(harness, '/poststart');
    expect(waiting.outcome).toBe('open');
    await harness.ready();
    await settle();
    expect(waiting.head?.status).toBe(200);
    expect(await status(harness, '/poststart')).toBe(200);
  });

  test('/poststart of a service that terminates is 503, also for those that wait', async () => {
    const clock = new FakeClock();
    const harness = new Harness({ clock, registry: new FakeRegistry(clock, { register: ['hang'] }) });
    void harness.lifecycle.start();
    const waiting = await ask(harness, '/poststart');
    void harness.prestop();
    await settle();
    expect([waiting.head?.status, await status(harness, '/poststart')]).toEqual([503, 503]);
  });

  test('/prestop answers when everything is drained, and a caller that has gone is none that waits', async () => {
    const harness = await new Harness({ floorMs: 3_000 }).ready();
    const hook = await ask(harness, '/prestop');
    await harness.clock.advance(500);
    hook.lose();
    harness.signals.send();
    await harness.untilExit();
    expect(harness.events('joined')).toMatchObject([{ fastPath: false }]);
    expect(harness.exits).toMatchObject([{ code: 0 }]);
  });

  test('their calls are not counted, nor late', async () => {
    const harness = await new Harness().ready();
    void harness.prestop();
    await settle();
    await ask(harness, '/status');
    await ask(harness, '/readyz');
    expect(harness.lifecycle.status()).toMatchObject({ inFlight: 0, answered: 0, late: 0 });
    expect(harness.events('lateRequest')).toEqual([]);
  });
});

describe('status', () => {
  test('follows a life', async () => {
    const clock = new FakeClock();
    const harness = new Harness({ clock, registry: new FakeRegistry(clock) });
    expect(harness.lifecycle.status()).toEqual({
      phase: 'starting',
      ready: false,
      live: true,
      inFlight: 0,
      answered: 0,
      late: 0,
      held: 0,
      connections: {},
      registries: { fake: 'pending' },
      remainingMs: null,
    });
    await harness.ready();
    harness.server.request();
    harness.server.connect();
    expect(harness.lifecycle.status()).toMatchObject({
      phase: 'ready',
      ready: true,
      inFlight: 1,
      connections: { active: 1, new: 1 },
      registries: { fake: 'registered' },
    });
    void harness.prestop();
    await clock.advance(1_000);
    expect(harness.lifecycle.status()).toMatchObject({ ready: false, remainingMs: 24_000 });
  });
});

describe('the signals for handlers', () => {
  test('a request that is not followed shares the signal of the service', async () => {
    const harness = await new Harness().ready();
    const foreign = {} as IncomingMessage;
    const { drain, deadline } = harness.lifecycle.requestSignals(foreign);
    expect([drain, deadline.aborted]).toEqual([harness.lifecycle.drainSignal, false]);
    await harness.resolved(harness.prestop());
    expect([drain.aborted, drain.reason.name]).toEqual([true, 'AbortError']);
  });
});

describe('the termination message', () => {
  test('is written where the file exists, and nothing is made where it does not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'prestop-'));
    try {
      const there = join(directory, 'termination-log');
      const missing = join(directory, 'missing', 'log');
      writeFileSync(there, '');
      for (const terminationMessagePath of [there, missing]) {
        const harness = await new Harness({ terminationMessagePath }).ready();
        harness.signals.send();
        await harness.untilExit();
        expect(harness.exits).toMatchObject([{ code: 0 }]);
      }
      expect(readFileSync(there, 'utf8')).toMatch(/^prestop: clean \(exit 0\) after \d+ ms, trigger signal SIGTERM\n/);
      expect(() => readFileSync(missing)).toThrow();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('an exit of the user', () => {
  test('is called in place of the process, with the code', async () => {
    const codes: number[] = [];
    const harness = await new Harness({ exit: (code) => codes.push(code) }).ready();
    harness.signals.send();
    await harness.clock.advance(20_000);
    await settle(3);
    expect([codes, harness.exits]).toEqual([[0], []]);
  });
});

test('a listener of an event that throws does not stop the termination', async () => {
  const harness = await new Harness().ready();
  for (const name of ['phase', 'terminating', 'report'] as const) {
    harness.lifecycle.on(name, () => {
      throw new Error('no');
    });
  }
  harness.signals.send();
  await harness.untilExit();
  expect(harness.exits).toMatchObject([{ code: 0 }]);
  expect(harness.events('warning').filter(({ code }) => code === 'LISTENER_FAILED').length).toBeGreaterThan(5);
});

test('two lifecycles of one process know nothing of each other', async () => {
  const [left, right] = [await new Harness().ready(), await new Harness().ready()];
  left.server.request();
  expect([left.lifecycle.status().inFlight, right.lifecycle.status().inFlight]).toEqual([1, 0]);
  left.signals.send();
  await settle();
  expect(right.lifecycle.phase).toBe('ready');
});

test('a lifecycle that is only made holds nothing of the process', () => {
  const server = createServer();
  createLifecycle({ logger: false, start: 'manual' });
  expect(server.listenerCount('connection')).toBe(createServer().listenerCount('connection'));
});
