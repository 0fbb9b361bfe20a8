import { once } from 'node:events';
import type { Server } from 'node:http';
import {
  drainWebSockets,
  EXIT_CODES,
  type Lifecycle,
  type LifecycleOptions,
  type WebSocketDrainOptions,
} from '@prestop/core';
import type { RawSocket } from '@prestop/testkit';
import { Server as SocketIo } from 'socket.io';
import { io as connectSocketIo } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type LocalServer, withLifecycle } from './fixtures/local.ts';
import { get } from './fixtures/messages.ts';
import { certificate, withPod } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 10, floorMs: 300, quiet: { minMs: 50, maxMs: 50 } };

interface Closed {
  readonly code: number;
  readonly reason: string;
  readonly atMs: number;
}

/** A client, and how it ended. */
interface Client {
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
}

async function connect({ port }: { readonly port: number }, secure = false): Promise<Client> {
  const url = `${secure ? 'wss' : 'ws'}://127.0.0.1:${port}/live`;
  const socket = new WebSocket(url, { ca: certificate.cert });
  const closed = new Promise<Closed>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString(), atMs: performance.now() }));
  });
  await once(socket, 'open');
  return { socket, closed };
}

/** The status that an upgrade is answered with. */
async function upgradeStatus({ port }: { readonly port: number }): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  return response.statusCode;
}

function echoOn(sockets: WebSocketServer): void {
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
}

/** The ways in which `ws` gets its connections. */
const MODES: Readonly<Record<string, (server: Server) => WebSocketServer>> = {
  server: (server) => new WebSocketServer({ server }),
  noServer: (server) => {
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
    });
    return sockets;
  },
};

async function serveSockets(
  serve: (handler?: undefined, tls?: typeof certificate) => Promise<LocalServer>,
  lifecycle: Lifecycle,
  options: WebSocketDrainOptions = {},
): Promise<LocalServer & { readonly sockets: WebSocketServer; readonly release: () => void }> {
  const local = await serve();
  const sockets = new WebSocketServer({ server: local.server });
  echoOn(sockets);
  return { ...local, sockets, release: drainWebSockets(sockets, lifecycle, options) };
}

/** A client whose handshake was done and that never answers a close frame. */
async function connectDeaf(local: LocalServer): Promise<RawSocket> {
  const socket = await local.open();
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const fields = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
  };
  socket.write(get('/live', fields));
  expect((await socket.readResponse()).status).toBe(101);
  return socket;
}

describe.concurrent('drainWebSockets', () => {
  it.each([
    ...Object.entries(MODES).map(([mode, open]) => ({ mode, open, secure: false })),
    { mode: 'server, over TLS', open: MODES['server'] ?? (() => new WebSocketServer()), secure: true },
  ])('tells clients to go when the lame duck is over, and not before: mode $mode', async ({ open, secure }) => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve, exits }) => {
      const local = await serve(undefined, secure ? certificate : undefined);
      const sockets = open(local.server);
      echoOn(sockets);
      drainWebSockets(sockets, lifecycle);
      const old = await connect(local, secure);
      const ended = lifecycle.terminate();
      const drained = new Promise<number>((resolve) => {
        lifecycle.on('phase', ({ to }) => to === 'draining' && resolve(performance.now()));
      });
      const young = await connect(local, secure);
      for (const { socket } of [old, young]) {
        socket.send('still here');
        expect(String((await once(socket, 'message'))[0])).toBe('still here');
      }
      expect(lifecycle.phase).toBe('lame-duck');
      for (const { code, reason, atMs } of await Promise.all([old.closed, young.closed])) {
        expect({ code, reason }).toEqual({ code: 1001, reason: 'the service is going away' });
        expect(atMs).toBeGreaterThanOrEqual(await drained);
      }
      expect(await ended).toMatchObject({
        outcome: 'clean',
        connections: { atStart: { upgraded: 1 }, forced: 0 },
        closers: [{ name: 'websockets', outcome: 'done', counts: { told: 2, closed: 2, terminated: 0, refused: 0 } }],
      });
      await until(() => exits.length > 0, 'the exit');
      expect(exits).toEqual([EXIT_CODES.clean]);
    });
  });

  it('refuses new connections with 503 when the lame duck is over', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serveSockets(serve, lifecycle, { closeTimeoutMs: 1_500 });
      const deaf = await connectDeaf(local);
      const ended = lifecycle.terminate();
      await until(() => lifecycle.phase === 'draining', 'the drain');
      expect(await upgradeStatus(local)).toBe(503);
      expect(await upgradeStatus(local)).toBe(503);
      await deaf.closedByPeer;
      expect(await ended).toMatchObject({ outcome: 'clean', closers: [{ counts: { told: 1, refused: 2 } }] });
    });
  });

  it('terminates what does not answer, and calls that clean', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serveSockets(serve, lifecycle, { closeTimeoutMs: 700, spreadMs: 0 });
      const [deaf, good] = [await connectDeaf(local), await connect(local)];
      const ended = lifecycle.terminate();
      await until(() => deaf.unread() !== '', 'the close frame');
      const toldAt = performance.now();
      await deaf.closedByPeer;
      expect(performance.now() - toldAt).toBeGreaterThan(600);
      expect(performance.now() - toldAt).toBeLessThan(2_000);
      expect((await good.closed).code).toBe(1001);
      expect(await ended).toMatchObject({
        outcome: 'clean',
        exitCode: EXIT_CODES.clean,
        closers: [{ counts: { told: 2, closed: 1, terminated: 1, refused: 0 } }],
      });
    });
  });

  it('spreads the close frames over a window', async () => {
    const count = 200;
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serveSockets(serve, lifecycle, { spreadMs: 1_200 });
      const clients = await Promise.all(Array.from({ length: count }, () => connect(local)));
      const ended = lifecycle.terminate();
      const times = (await Promise.all(clients.map(({ closed }) => closed))).map(({ atMs }) => atMs);
      const [first, last] = [Math.min(...times), Math.max(...times)];
      expect(last - first).toBeGreaterThan(800);
      for (const time of times) {
        expect(times.filter((other) => other >= time && other < time + 100).length).toBeLessThan(count / 2);
      }
      expect(await ended).toMatchObject({ outcome: 'clean', closers: [{ counts: { told: count, closed: count } }] });
    });
  });

  it('is done by the deadline, whatever it was told', async () => {
    const options = { ...OPTIONS, terminationGracePeriodSeconds: 3, floorMs: 0 };
    await withLifecycle(options, async ({ lifecycle, serve }) => {
      const local = await serveSockets(serve, lifecycle, { spreadMs: 60_000, closeTimeoutMs: 60_000 });
      const deaf = await Promise.all(Array.from({ length: 20 }, () => connectDeaf(local)));
      const report = await lifecycle.terminate();
      await Promise.all(deaf.map(({ closedByPeer }) => closedByPeer));
      expect(report).toMatchObject({ outcome: 'clean', closers: [{ outcome: 'done', counts: { terminated: 20 } }] });
      expect(report.totalMs).toBeLessThan(2_400);
    });
  });

  it('takes connections again when no signal follows the hook', async () => {
    await withLifecycle({ ...OPTIONS, floorMs: 0, resumeAfterMs: 200 }, async ({ lifecycle, serve }) => {
      const local = await serveSockets(serve, lifecycle);
      await lifecycle.terminate({ kind: 'prestop' });
      expect(await upgradeStatus(local)).toBe(503);
      await until(() => lifecycle.phase === 'ready', 'ready again');
      const client = await connect(local);
      const ended = lifecycle.terminate();
      expect((await client.closed).code).toBe(1001);
      expect(await ended).toMatchObject({
        outcome: 'clean',
        closers: [{ counts: { told: 1, closed: 1, refused: 0 } }],
      });
      expect(Object.hasOwn(local.sockets, 'handleUpgrade'), 'it refuses to the end').toBe(true);
    });
  });

  it('can be taken off again', async () => {
    await withLifecycle({ ...OPTIONS, floorMs: 0, terminationGracePeriodSeconds: 3 }, async ({ lifecycle, serve }) => {
      const { release, sockets, ...local } = await serveSockets(serve, lifecycle);
      release();
      const client = await connect(local);
      const report = await lifecycle.terminate();
      expect(report).toMatchObject({ outcome: 'forced', closers: [] });
      expect((await client.closed).code, 'no close frame').toBe(1006);
      expect(Object.hasOwn(sockets, 'handleUpgrade')).toBe(false);
    });
  });

  it('says what it is told to say', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const options = { name: 'chat', status: 'service-restart', reason: 'deploy 42' } as const;
      const client = await connect(await serveSockets(serve, lifecycle, options));
      const ended = lifecycle.terminate();
      expect(await client.closed).toMatchObject({ code: 1012, reason: 'deploy 42' });
      expect(await ended).toMatchObject({ closers: [{ name: 'chat' }] });
    });
  });

  it.each<[string, unknown, unknown, string]>([
    ['no server', undefined, {}, 'ERR_PRESTOP_OPTION_INVALID'],
    [
      'a server without clients',
      new WebSocketServer({ noServer: true, clientTracking: false }),
      {},
      'tracks its clients',
    ],
    ['an unknown option', 'ws', { spread: 5 }, 'did you mean "spreadMs"?'],
    ['a code instead of a status', 'ws', { status: 1001 }, "'going-away', 'service-restart'"],
    ['too long a reason', 'ws', { reason: 'ä'.repeat(62) }, '123 octets'],
    ['a window in text', 'ws', { spreadMs: '5000' }, 'whole number of milliseconds'],
    ['no patience at all', 'ws', { closeTimeoutMs: 0 }, 'from 1 to'],
  ])('refuses %s', async (_title, server, options, words) => {
    await withLifecycle({ start: 'manual' }, async ({ lifecycle }) => {
      const sockets = server === 'ws' ? new WebSocketServer({ noServer: true }) : server;
      const refused = (): unknown => drainWebSockets(sockets as never, lifecycle, options as never);
      expect(refused).toThrow(expect.objectContaining({ name: 'LifecycleError' }));
      try {
        refused();
      } catch (error) {
        const { code, message } = error as { readonly code: string; readonly message: string };
        expect(`${code}: ${message}`).toContain(words);
      }
    });
  });
});

describe('a service with WebSockets as a process', () => {
  const script = new URL('./fixtures/ws-service.mjs', import.meta.url).pathname;

  it('is gone with code 0, and its clients know why', async () => {
    await withPod({ script, options: OPTIONS }, async (pod) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => connect(pod)));
      const { timeline, report, detail } = await pod.terminate(true);
      expect((await Promise.all(clients.map(({ closed }) => closed))).map(({ code }) => code)).toEqual(
        clients.map(() => 1001),
      );
      expect(timeline.exit, detail).toMatchObject({ code: EXIT_CODES.clean });
      expect(report).toMatchObject({ outcome: 'clean', closers: [{ counts: { told: 10, closed: 10 } }] });
    });
  });

  it('tells its clients on the fast path too', async () => {
    const options = { ...OPTIONS, terminationGracePeriodSeconds: 20, floorMs: 9_000 };
    await withPod({ script, options }, async (pod) => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => connect(pod)));
      // The hook is still waited for when its grace period is over.
      const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 2 });
      expect((await Promise.all(clients.map(({ closed }) => closed))).every(({ code }) => code === 1001)).toBe(true);
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.clean } });
      expect(report).toMatchObject({ budget: { fastPath: true }, closers: [{ counts: { told: 50, terminated: 0 } }] });
    });
  });
});

describe('socket.io', () => {
  it('is closed with its own means, in a closer of phase draining', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const local = await serve();
      const io = new SocketIo(local.server);
      // #region socket.io
      // Not io.close(): it closes the HTTP server too, under callers that are still being answered.
      const closeSocketIo = async (): Promise<void> => {
        io.disconnectSockets(true);
        while (io.engine.clientsCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
        io.engine.close();
      };
      lifecycle.onClose('socket.io', closeSocketIo, { phase: 'draining' });
      // #endregion
      const clients = ['websocket', 'polling'].map((transport) =>
        connectSocketIo(`http://127.0.0.1:${local.port}`, { transports: [transport], reconnection: false }),
      );
      try {
        await until(() => clients.every(({ connected }) => connected), 'both are connected');
        const reasons = Promise.all(
          clients.map((client) => new Promise((resolve) => client.once('disconnect', resolve))),
        );
        const report = await lifecycle.terminate();
        expect(await reasons).toEqual(['io server disconnect', 'io server disconnect']);
        expect(report).toMatchObject({
          outcome: 'clean',
          requests: { cutCount: 0 },
          closers: [{ name: 'socket.io', outcome: 'done' }],
        });
        expect(report.totalMs).toBeLessThan(4_000);
      } finally {
        for (const client of clients) client.disconnect();
      }
    });
  });
});
