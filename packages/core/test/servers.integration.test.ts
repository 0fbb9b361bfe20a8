import { createServer, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { EXIT_CODES } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { listening, withLifecycle } from './fixtures/local.ts';
import { get } from './fixtures/messages.ts';
import { certificate } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

const OPTIONS = { terminationGracePeriodSeconds: 10, floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };

describe.concurrent('several servers of one process', () => {
  it('are drained as one: the service waits for the slowest, and each says close', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve, exits }) => {
      const plain = await serve((_request, response) => void setTimeout(() => response.end('plain'), 300));
      const secure = await serve(
        (_request, response) => void setTimeout(() => response.end('secure'), 1_200),
        certificate,
      );
      await serve();
      const sockets = [await plain.open(), await secure.open()] as const;
      for (const socket of sockets) socket.write(get('/'));
      await until(() => lifecycle.status().inFlight === 2, 'both are in flight');
      const ended = lifecycle.terminate();
      const answers = await Promise.all(sockets.map((socket) => socket.readResponse()));
      expect(answers).toMatchObject([
        { body: 'plain', headers: { connection: 'close' } },
        { body: 'secure', headers: { connection: 'close' } },
      ]);
      expect(await ended).toMatchObject({
        outcome: 'clean',
        requests: { inFlightAtStart: 2, answered: 2, cutCount: 0 },
      });
      await until(() => exits.length > 0, 'the exit');
      expect(exits).toEqual([EXIT_CODES.clean]);
    });
  });

  it('of every kind, each with something of its own to finish', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const slowly = (ms: number, body: string) => (_request: unknown, response: { end(body: string): unknown }) =>
        void setTimeout(() => response.end(body), ms);
      const open = await serve(slowly(300, 'public'));
      const internal = await serve();
      internal.server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.resume().once('end', () => socket.end());
      });
      const secure = await serve(slowly(600, 'secure'), certificate);
      const http2 = createHttp2Server(slowly(1_200, 'streams'));
      await new Promise<void>((resolve) => http2.listen(0, resolve));
      lifecycle.attach(http2);
      await until(() => lifecycle.phase === 'ready', 'all of them listen');
      const session = connectHttp2(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
      const streamed = text(session.request({ ':path': '/' }));
      const upgraded = await internal.open();
      upgraded.write(get('/', { Connection: 'Upgrade', Upgrade: 'echo' }));
      const answers = Promise.all([open.ask(get('/')), secure.ask(get('/'))]);
      await until(() => lifecycle.status().inFlight === 3, 'three are in flight');
      await until(() => lifecycle.status().connections.upgraded === 1, 'one is upgraded');
      const ended = lifecycle.terminate();
      expect(await answers).toMatchObject([{ body: 'public' }, { body: 'secure' }]);
      expect(await streamed).toBe('streams');
      expect(lifecycle.phase, 'it waits for the upgraded one').toBe('draining');
      await upgraded.close();
      expect(await ended).toMatchObject({
        outcome: 'clean',
        requests: { inFlightAtStart: 3, answered: 3, cutCount: 0 },
        connections: { atStart: { active: 2, upgraded: 1, http2: 1 }, forced: 0 },
      });
      session.close();
    });
  });

  it('register only when all of them listen', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const late = createServer();
      lifecycle.attach(late);
      await serve();
      expect(lifecycle.phase).toBe('starting');
      late.listen(0);
      await until(() => lifecycle.phase === 'ready', 'the service is ready');
      late.close();
    });
  });
});

describe.concurrent('a server that was closed by its owner before', () => {
  it('is no hindrance', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const { server } = await serve();
      await serve();
      await until(() => lifecycle.phase === 'ready', 'the service is ready');
      await new Promise((resolve) => server.close(resolve));
      expect((await lifecycle.terminate()).outcome).toBe('clean');
    });
  });
});

describe.concurrent('connections that were accepted before the server was attached', () => {
  it.each([
    { title: 'silent', said: '' },
    { title: 'idle', said: get('/fast') },
    { title: 'with a request in flight', said: get('/slow') },
  ])('do not keep the service from ending: $title', async ({ said }) => {
    const server = createServer((request, response) => {
      if (request.url === '/fast') response.end('ok');
    }).listen(0);
    const { open } = await listening(server);
    try {
      await withLifecycle({ ...OPTIONS, terminationGracePeriodSeconds: 3 }, async ({ lifecycle, exits }) => {
        const socket = await open();
        const requested = new Promise((resolve) => server.once('request', resolve));
        if (said !== '') {
          socket.write(said);
          await requested;
        }
        if (said.includes('fast')) await socket.readResponse();
        lifecycle.attach(server);
        await lifecycle.start();
        const report = await lifecycle.terminate();
        expect(report.totalMs).toBeLessThan(3_000);
        await until(() => exits.length > 0, 'the exit');
      });
    } finally {
      server.closeAllConnections();
    }
  });
});

it('a socket that was handed over before the server was attached does not keep the service from ending', async () => {
  const server = createServer().listen(0);
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  });
  const { open } = await listening(server);
  const socket = await open();
  try {
    await withLifecycle({ ...OPTIONS, terminationGracePeriodSeconds: 3 }, async ({ lifecycle, exits }) => {
      const closed: string[] = [];
      socket.write(get('/', { Connection: 'Upgrade', Upgrade: 'echo' }));
      await new Promise((resolve) => server.once('upgrade', resolve));
      lifecycle.onClose('pool', () => void closed.push('pool'));
      lifecycle.attach(server);
      await lifecycle.start();
      expect((await lifecycle.terminate()).totalMs).toBeLessThan(3_000);
      await until(() => exits.length > 0, 'the exit');
      expect(closed).toEqual(['pool']);
    });
  } finally {
    socket.reset();
  }
});

describe.concurrent('a server that two lifecycles follow', () => {
  it('is seen whole by each, also when the other lets go of it', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle: first, serve }) => {
      await withLifecycle(OPTIONS, async ({ lifecycle: second }) => {
        const open: ServerResponse[] = [];
        const { server, open: connect } = await serve((_request, response) => void open.push(response));
        second.attach(server);
        const socket = await connect();
        for (const [index, followers] of [[first, second], [second]].entries()) {
          const seen = () => followers.map((lifecycle) => lifecycle.status()).map((is) => [is.inFlight, is.answered]);
          socket.write(get('/'));
          await until(() => open.length === 1, 'it is in flight');
          expect(seen()).toEqual(followers.map(() => [1, index]));
          open.pop()?.end('ok');
          expect((await socket.readResponse()).body).toBe('ok');
          expect(seen()).toEqual(followers.map(() => [0, index + 1]));
          if (index === 0) await first.stop();
        }
      });
    });
  });
});

describe('attach', () => {
  it('refuses the same server a second time', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const { server } = await serve();
      expect(() => lifecycle.attach(server)).toThrow(
        expect.objectContaining({
          name: 'LifecycleError',
          code: 'ERR_PRESTOP_SERVER_ATTACHED',
          option: 'server',
          rule: 'attached once',
        }),
      );
    });
  });

  it.each([
    ['nothing', undefined],
    ['a port', 3000],
    ['an Express application', Object.assign(() => {}, { listen: () => {} })],
    ['a net server', createNetServer()],
  ])('refuses %s', async (_title, server) => {
    await withLifecycle(OPTIONS, async ({ lifecycle }) => {
      expect(() => lifecycle.attach(server as never)).toThrow(
        expect.objectContaining({ code: 'ERR_PRESTOP_SERVER_INVALID', option: 'server', value: typeof server }),
      );
    });
  });

  it('refuses when the lifecycle was stopped', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle }) => {
      await lifecycle.stop();
      expect(() => lifecycle.attach(createServer())).toThrow(expect.objectContaining({ code: 'ERR_PRESTOP_STOPPED' }));
    });
  });
});
