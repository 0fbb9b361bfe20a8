import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { EXIT_CODES } from '@prestop/core';
import type { RawSocket } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { type LocalServer, listening, withLifecycle } from './fixtures/local.ts';
import { get, head } from './fixtures/messages.ts';
import { certificate } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

const OPTIONS = { terminationGracePeriodSeconds: 3, floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
/** The grace period less a fifth of it. */
const DEADLINE_MS = 2_400;

const WEBSOCKET = get('/socket', { Connection: 'Upgrade', Upgrade: 'websocket' });

/** What a WebSocket library does with the socket: it speaks its own protocol, here an echo. */
function takeOver(_request: IncomingMessage, socket: Duplex): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
  socket.on('error', () => {});
}

async function openUpgraded({ open }: LocalServer, message = WEBSOCKET, status = 101): Promise<RawSocket> {
  const socket = await open();
  socket.write(message);
  expect((await socket.readResponse()).status).toBe(status);
  return socket;
}

async function expectEcho(socket: RawSocket, text: string): Promise<void> {
  socket.write(text);
  await until(() => socket.unread().endsWith(text), `the echo of ${text}`);
}

describe.concurrent.each([
  { scheme: 'http', tls: undefined },
  { scheme: 'https', tls: certificate },
])('upgraded sockets over $scheme', ({ tls }) => {
  it('are followed, work on while the service drains, and are waited for', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve, exits }) => {
      const local = await serve(undefined, tls);
      local.server.on('upgrade', takeOver);
      const socket = await openUpgraded(local);
      expect(lifecycle.status()).toMatchObject({ inFlight: 0, connections: { upgraded: 1 } });
      const ended = lifecycle.terminate();
      await until(() => lifecycle.phase === 'draining', 'the drain');
      expect(lifecycle.drainSignal.aborted, 'its handler can know').toBe(true);
      await expectEcho(socket, 'still here');
      await socket.close();
      const report = await ended;
      expect(report).toMatchObject({
        outcome: 'clean',
        requests: { cutCount: 0 },
        connections: { atStart: { upgraded: 1 }, forced: 0 },
      });
      expect(report.totalMs).toBeLessThan(DEADLINE_MS);
      await until(() => exits.length > 0, 'the exit');
      expect(exits).toEqual([EXIT_CODES.clean]);
    });
  });

  it('are never killed before the deadline, and counted when they are', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve, exits }) => {
      const local = await serve(undefined, tls);
      local.server.on('upgrade', takeOver);
      const sockets = [await openUpgraded(local), await openUpgraded(local)];
      const startedAt = performance.now();
      const ended = lifecycle.terminate();
      await Promise.all(sockets.map((socket) => socket.closedByPeer));
      expect(performance.now() - startedAt).toBeGreaterThan(DEADLINE_MS - 50);
      expect(await ended).toMatchObject({
        outcome: 'forced',
        exitCode: EXIT_CODES.forced,
        requests: { cutCount: 0 },
        connections: { atStart: { upgraded: 2 }, forced: 2 },
      });
      await until(() => exits.length > 0, 'the exit');
      expect(exits).toEqual([EXIT_CODES.forced]);
    });
  });
});

describe.concurrent('tunnels', () => {
  it('are followed like upgraded sockets', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serve();
      local.server.on('connect', (_request, socket) => {
        socket.write('HTTP/1.1 200 Connected\r\nContent-Length: 0\r\n\r\n');
        socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
      });
      const socket = await openUpgraded(local, head('CONNECT', 'other.example:443'), 200);
      expect(lifecycle.status().connections).toEqual({ upgraded: 1 });
      const ended = lifecycle.terminate();
      await until(() => lifecycle.phase === 'draining', 'the drain');
      await expectEcho(socket, 'through the tunnel');
      await socket.close();
      expect((await ended).outcome).toBe('clean');
    });
  });
});

describe.concurrent('listeners of upgrades', () => {
  async function expectOrdinary(local: LocalServer): Promise<void> {
    const answer = await local.ask(WEBSOCKET);
    expect(answer, 'asks to upgrade, and is answered as any other request').toMatchObject({ status: 200, body: 'ok' });
  }

  async function expectUpgrade(local: LocalServer, status: () => object): Promise<void> {
    const socket = await openUpgraded(local);
    expect(status()).toMatchObject({ connections: { upgraded: 1 } });
    await expectEcho(socket, 'hello');
    await socket.close();
    await until(() => !('upgraded' in (status() as { connections: object }).connections), 'it is forgotten');
  }

  it('are none where the user has none: the request is an ordinary one', async () => {
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const local = await serve();
      expect(local.server.listenerCount('upgrade')).toBe(0);
      expect(local.server.listenerCount('connect')).toBe(0);
      await expectOrdinary(local);
    });
  });

  it('work when added before, and when added after the server was attached', async () => {
    await withLifecycle({ ...OPTIONS, start: 'manual' }, async ({ lifecycle, serve }) => {
      const late = await serve();
      await expectOrdinary(late);
      late.server.on('upgrade', takeOver);
      await expectUpgrade(late, () => lifecycle.status());

      const server = createServer().on('upgrade', takeOver).listen(0);
      try {
        lifecycle.attach(server);
        await expectUpgrade(await listening(server), () => lifecycle.status());
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  });

  it('leave the server as it was when they are taken off again, however that is done', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serve();
      const { server } = local;
      const other = (): void => {};
      const ways: ((server: Server) => void)[] = [
        (from) => from.on('upgrade', takeOver),
        (from) => from.once('upgrade', takeOver),
        (from) => from.prependListener('upgrade', takeOver),
        (from) => from.on('upgrade', takeOver).on('upgrade', other),
      ];
      for (const add of ways) {
        add(server);
        await expectUpgrade(local, () => lifecycle.status());
        server.off('upgrade', takeOver).off('upgrade', other);
        expect(server.listenerCount('upgrade')).toBe(0);
        await expectOrdinary(local);
      }
      server.on('upgrade', takeOver);
      server.removeAllListeners('upgrade');
      await expectOrdinary(local);
      server.on('upgrade', takeOver);
      await expectUpgrade(local, () => lifecycle.status());
    });
  });
});
