import type { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createLifecycle, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { type LocalServer, listening, localRegistry } from './fixtures/local.ts';
import { get } from './fixtures/messages.ts';
import { certificate } from './fixtures/pod.ts';
import { at, until } from './fixtures/until.ts';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGUSR2'];

/** Listeners by emitter and event. */
function listeners(servers: readonly Server[]): object {
  const counts = (emitter: EventEmitter): Record<string, number> =>
    Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));
  return { process: counts(process), servers: servers.map(counts) };
}

/** What keeps an event loop alive, by kind. */
function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The kinds of which there is more now than in `before`; timers of the test runner come and go by themselves. */
function added(before: Readonly<Record<string, number>>): object {
  return Object.fromEntries(Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0)));
}

async function makeServers(): Promise<readonly [LocalServer, LocalServer]> {
  const handler = (_: unknown, response: { end(text: string): void }): void => response.end('ok');
  const plain = createServer(handler).on('upgrade', (_request, socket) => void socket.end());
  const secure = createSecureServer(certificate, handler);
  return [await listening(plain.listen(0)), await listening(secure.listen(0), certificate)];
}

const OPTIONS: LifecycleOptions = {
  admin: { port: 0 },
  logger: false,
  signals: SIGNALS,
  faults: 'terminate',
  terminationMessagePath: false,
};

async function expectNothingLeft(
  options: LifecycleOptions,
  use: (lifecycle: ReturnType<typeof createLifecycle>, servers: readonly LocalServer[]) => Promise<void>,
): Promise<void> {
  const exits: number[] = [];
  const made = await makeServers();
  const servers = made.map(({ server }) => server);
  try {
    const listening = listeners(servers);
    const before = resources();
    const lifecycle = createLifecycle({ ...OPTIONS, exit: (code) => exits.push(code), ...options });
    for (const server of servers) lifecycle.attach(server);
    await use(lifecycle, made);
    const { phase } = lifecycle;
    await lifecycle.stop();
    expect(lifecycle.phase, 'nothing goes on').toBe(phase);
    expect(listeners(servers)).toEqual(listening);
    // Closed sockets take a turn of the event loop to go.
    await until(() => Object.keys(added(before)).length === 0, 'everything is gone').catch(() =>
      expect(added(before)).toEqual({}),
    );
    await at(performance.now() + 300);
    expect(added(before), 'nothing comes back').toEqual({});
    expect(listeners(servers)).toEqual(listening);
    expect(exits, 'and it does not end the process').toEqual([]);
    for (const server of made) {
      // Closed by the termination, before it was stopped.
      if (phase === 'closing') break;
      expect((await server.ask(get('/'))).status, 'the servers are left as they are').toBe(200);
    }
  } finally {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

describe('stop() leaves no listener, timer or socket behind', () => {
  it('when nothing has happened yet', async () => {
    await expectNothingLeft({}, async () => {});
  });

  it('when the service is ready', async () => {
    await expectNothingLeft({ registry: localRegistry() }, async (lifecycle, servers) => {
      await lifecycle.start();
      for (const server of servers) expect((await server.ask(get('/'))).status).toBe(200);
    });
  });

  it('when the registry is down and is being tried', async () => {
    const registry = localRegistry({ register: () => Promise.reject(new Error('down')) });
    await expectNothingLeft({ registry }, async (lifecycle) => {
      const failed = new Promise((resolve) => lifecycle.on('registrationFailed', resolve));
      await failed;
    });
  });

  it('when the registry hangs', async () => {
    const registry = localRegistry({ register: () => new Promise(() => {}) });
    await expectNothingLeft({ registry }, async (lifecycle) => {
      await until(() => lifecycle.adminAddress !== undefined, 'it has started');
    });
  });

  it('in the lame duck', async () => {
    await expectNothingLeft({ registry: localRegistry({ settleMs: 10_000 }) }, async (lifecycle) => {
      await lifecycle.start();
      void lifecycle.terminate();
      await until(() => lifecycle.phase === 'lame-duck', 'the lame duck');
    });
  });

  it('while a registry that hangs is asked to remove the instance', async () => {
    const registry = localRegistry({ deregister: () => new Promise(() => {}) });
    await expectNothingLeft({ registry }, async (lifecycle) => {
      await lifecycle.start();
      void lifecycle.terminate();
      await until(() => lifecycle.phase === 'deregistering', 'deregistering');
    });
  });

  it('after /prestop was answered, before the signal', async () => {
    const options = { floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
    await expectNothingLeft(options, async (lifecycle) => {
      await lifecycle.start();
      expect((await lifecycle.terminate({ kind: 'prestop' })).outcome).toBe('drained');
    });
  });

  it('while a closer runs', async () => {
    const options = { floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
    await expectNothingLeft(options, async (lifecycle) => {
      let close = (): void => {};
      lifecycle.onClose(
        'slow',
        () =>
          new Promise<void>((resolve) => {
            close = resolve;
          }),
        { timeoutMs: 60_000 },
      );
      await lifecycle.start();
      const report = lifecycle.terminate();
      await until(() => lifecycle.phase === 'closing', 'closing');
      await lifecycle.stop();
      expect(await report, 'the account as it stood').toMatchObject({ exitCode: null, closers: [] });
      close();
    });
  });

  it('while a server is not listening yet', async () => {
    const idle = createServer();
    await expectNothingLeft({}, async (lifecycle) => {
      lifecycle.attach(idle);
      await until(() => lifecycle.adminAddress !== undefined, 'it has started');
      expect(idle.listenerCount('listening')).toBeGreaterThan(0);
    });
    expect(idle.listenerCount('connection'), 'what Node itself listens for').toBe(1);
    expect(idle.listenerCount('listening')).toBe(createServer().listenerCount('listening'));
  });

  it('after start() has failed', async () => {
    const [blocker] = await makeServers();
    const options: LifecycleOptions = { admin: { port: blocker.port }, start: 'manual' };
    await expectNothingLeft(options, async (lifecycle) => {
      await expect(lifecycle.start()).rejects.toMatchObject({ code: 'ERR_PRESTOP_ADMIN_LISTEN' });
    });
    blocker.server.close();
  });

  it('and is idempotent; what is called afterwards is refused', async () => {
    await expectNothingLeft({}, async (lifecycle) => {
      await lifecycle.start();
      await Promise.all([lifecycle.stop(), lifecycle.stop()]);
      const stopped = { code: 'ERR_PRESTOP_STOPPED' };
      await expect(lifecycle.terminate()).rejects.toMatchObject(stopped);
      expect(() => lifecycle.attach(createServer())).toThrow(expect.objectContaining(stopped));
    });
  });
});
