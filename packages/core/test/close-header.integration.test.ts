import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { RawResponse } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { listening, withLifecycle } from './fixtures/local.ts';
import { get, head, post } from './fixtures/messages.ts';
import { certificate } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

/** Stays in the lame duck for longer than any of these tests. */
const OPTIONS = { terminationGracePeriodSeconds: 120, floorMs: 60_000 };

interface Way {
  readonly answer: (response: ServerResponse) => void;
  /** What the answer must still be, beside its `Connection`. */
  readonly expected?: Partial<RawResponse>;
  /** Default `close`. */
  readonly connection?: string;
  readonly request?: string;
}

/** Everything a handler can do to the head of its answer. */
const WAYS: Readonly<Record<string, Way>> = {
  'end() alone': { answer: (response) => response.end('ok') },
  'setHeader keep-alive': {
    answer: (response) => response.setHeader('Connection', 'keep-alive').end('ok'),
  },
  'setHeader with a list': {
    answer: (response) => response.setHeader('connection', ['keep-alive', 'x-hop']).end('ok'),
    connection: 'x-hop, close',
  },
  'setHeader close already': { answer: (response) => response.setHeader('Connection', 'close').end('ok') },
  'writeHead with an object': {
    answer: (response) =>
      response.writeHead(201, { Connection: 'keep-alive', 'X-One': '1', 'Set-Cookie': ['a=1', 'b=2'] }).end('ok'),
    expected: { status: 201, headers: { 'x-one': '1', 'set-cookie': 'a=1, b=2' } },
  },
  'writeHead with an object and a reason': {
    answer: (response) => response.writeHead(200, 'Fine', { CONNECTION: 'keep-alive', 'X-One': '1' }).end('ok'),
    expected: { reason: 'Fine', headers: { 'x-one': '1' } },
  },
  'writeHead with a flat list': {
    answer: (response) => {
      const list = ['connection', 'keep-alive', 'X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'];
      response.writeHead(200, list).end('ok');
    },
    expected: { headers: { 'x-one': '1', 'set-cookie': 'a=1, b=2' } },
  },
  'writeHead with pairs': {
    // Node takes them, its types do not know.
    answer: (response) =>
      response
        .writeHead(200, [
          ['Connection', 'keep-alive'],
          ['X-One', '1'],
        ] as never)
        .end('ok'),
    expected: { headers: { 'x-one': '1' } },
  },
  'writeHead over setHeader': {
    answer: (response) => {
      response.setHeader('Connection', 'keep-alive').setHeader('X-One', 'no').setHeader('X-Two', '2');
      response.writeHead(200, { 'X-One': '1' }).end('ok');
    },
    expected: { headers: { 'x-one': '1', 'x-two': '2' } },
  },
  'writeHead with a list over setHeader': {
    answer: (response) => {
      response.setHeader('X-One', 'no').setHeader('X-Two', '2');
      response.writeHead(200, ['X-One', '1', 'Connection', 'keep-alive']).end('ok');
    },
    expected: { headers: { 'x-one': '1', 'x-two': '2' } },
  },
  'writeHead with nothing': { answer: (response) => response.writeHead(404).end('ok'), expected: { status: 404 } },
  'a stream with an implicit head': {
    answer: (response) => {
      response.write('o');
      setImmediate(() => response.end('k'));
    },
    expected: { headers: { 'transfer-encoding': 'chunked' } },
  },
  'flushHeaders before the body': {
    answer: (response) => {
      response.flushHeaders();
      setImmediate(() => response.end('ok'));
    },
  },
  'an answer without a body': {
    answer: (response) => response.writeHead(204, { Connection: 'keep-alive' }).end(),
    expected: { status: 204, body: '' },
  },
  'an answer in a later turn': { answer: (response) => void setTimeout(() => response.end('ok'), 20) },
  'a connection option to keep': {
    answer: (response) => response.writeHead(426, { Connection: 'Upgrade', Upgrade: 'HTTP/2.0' }).end('ok'),
    expected: { status: 426, headers: { upgrade: 'HTTP/2.0' } },
    connection: 'Upgrade, close',
  },
  'an answer to HEAD': {
    answer: (response) => response.setHeader('Content-Length', '100').end(),
    expected: { body: '', headers: { 'content-length': '100' } },
    request: head('HEAD', '/'),
  },
  'an answer to a body that was read': {
    answer: (response) => void response.req.resume().once('end', () => response.end('ok')),
    request: post('/', 'a body'),
  },
  'an answer to a body that was not read': { answer: (response) => response.end('ok'), request: post('/', 'a body') },
  'an answer to a caller who asked to keep the connection': {
    answer: (response) => response.end('ok'),
    request: get('/', { Connection: 'keep-alive' }),
  },
  'a second try after a writeHead that failed': {
    answer: (response) => {
      expect(() => response.writeHead(200, { 'X-Bad': 'a\nb' })).toThrow();
      response.writeHead(500, { Connection: 'keep-alive' }).end('ok');
    },
    expected: { status: 500 },
  },
};

describe.each([
  { scheme: 'http', tls: undefined },
  { scheme: 'https', tls: certificate },
])('every answer from t0 says Connection: close, over $scheme', ({ tls }) => {
  it.each(Object.entries(WAYS))('%s', async (title, { answer, expected, connection = 'close', request = get('/') }) => {
    await withLifecycle(OPTIONS, async ({ serve, begin }) => {
      const { open } = await serve((_request, response) => answer(response), tls);
      const isHead = request.startsWith('HEAD');
      const socket = await open();
      socket.write(request);
      const before = await socket.readResponse({ head: isHead });
      if (!title.includes('already')) expect(before.headers['connection'], 'before t0').not.toMatch(/close/);
      await begin();
      // On a connection that was kept alive, and on a new one.
      for (const used of title.includes('already') ? [await open()] : [socket, await open()]) {
        used.write(request);
        const { headers, ...response } = await used.readResponse({ head: isHead });
        const { headers: expectedHeaders, ...rest } = expected ?? {};
        expect(response).toMatchObject({ status: 200, body: isHead ? '' : 'ok', ...rest });
        expect(headers).toMatchObject({ ...expectedHeaders, connection });
        expect(headers, 'no promise to the contrary').not.toHaveProperty('keep-alive');
        expect(await used.closedByPeer).toBe('fin');
      }
    });
  });

  it('whatever event the request is emitted as', async () => {
    await withLifecycle(OPTIONS, async ({ serve, begin }) => {
      const { server, open } = await serve((request, response) => {
        if (!response.writableEnded) response.setHeader('Connection', 'keep-alive').end(`late ${request.url}`);
      }, tls);
      const answer: RequestListener = (_request, response) => response.setHeader('Connection', 'keep-alive').end('ok');
      server.on('checkContinue', answer).on('checkExpectation', answer);
      // A listener before all others answers before them.
      server.prependListener('request', (_request, response) => response.end('first'));
      await begin();
      for (const [request, body] of [
        [head('POST', '/', { 'Content-Length': '0', Expect: '100-continue' }), 'ok'],
        [get('/', { Expect: 'a miracle' }), 'ok'],
        [get('/first'), 'first'],
      ] as const) {
        const socket = await open();
        socket.write(request);
        expect(await socket.readResponse()).toMatchObject({ status: 200, body, headers: { connection: 'close' } });
      }
    });
  });

  it('but not the interim ones before it', async () => {
    await withLifecycle(OPTIONS, async ({ serve, begin }) => {
      const { open } = await serve((_request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('ok'));
      }, tls);
      await begin();
      const socket = await open();
      socket.write(get('/'));
      const hints = await socket.readResponse();
      expect(hints.status).toBe(103);
      expect(hints.headers).not.toHaveProperty('connection');
      expect(await socket.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    });
  });

  it('by its second answer, when the connection was accepted before the server was attached', async () => {
    const server = (tls ? createSecureServer(tls) : createServer()).on('request', (_, response) => response.end('ok'));
    const { open } = await listening(server.listen(0), tls);
    try {
      await withLifecycle({ ...OPTIONS, start: 'manual' }, async ({ lifecycle, begin }) => {
        const socket = await open();
        socket.write(get('/'));
        expect((await socket.readResponse()).headers['connection']).toBe('keep-alive');
        lifecycle.attach(server);
        await lifecycle.start();
        await begin();
        socket.write(get('/'));
        await socket.readResponse();
        socket.write(get('/'));
        expect((await socket.readResponse()).headers['connection']).toBe('close');
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

/** Legal requests whose ends cannot be told from what Node shows of their heads. */
const ODD_CALLERS: Readonly<Record<string, readonly string[]>> = {
  'a blank behind a value': Array(6).fill(get('/', { 'User-Agent': 'odd ' })),
  'blanks before a value': Array(6).fill(get('/', { 'User-Agent': '   odd' })),
  'an empty line before each request': Array(6).fill(`\r\n${get('/')}`),
  'a chunked body that is answered before it has come': [
    `${head('POST', '/', { 'Transfer-Encoding': 'chunked' })}5\r\nhello\r\n`,
    `5\r\nhello\r\n0\r\n\r\n${get('/')}`,
    get('/'),
  ],
};

describe('a caller whose requests end where it cannot be seen', () => {
  it.each(Object.entries(ODD_CALLERS))('is told nevertheless: %s', async (_, requests) => {
    await withLifecycle(OPTIONS, async ({ serve, begin }) => {
      const { open } = await serve();
      const socket = await open();
      socket.write(get('/'));
      await socket.readResponse();
      await begin();
      const said: (string | undefined)[] = [];
      for (const request of requests) {
        socket.write(request);
        said.push((await socket.readResponse()).headers['connection']);
        if (said.at(-1) === 'close') break;
      }
      expect(said.at(-1), said.join(', ')).toBe('close');
      expect(await socket.closedByPeer).toBe('fin');
    });
  });
});

describe('a request behind an answer that has said close', () => {
  it('is named as cut: the answer was decided on before the request was there', async () => {
    await withLifecycle({ terminationGracePeriodSeconds: 10, floorMs: 0 }, async ({ lifecycle, serve }) => {
      const { open } = await serve((request, response) => {
        if (request.url === '/slow') setTimeout(() => response.end('slow'), 600);
        else response.end('fast');
      });
      const socket = await open();
      const ended = lifecycle.terminate();
      socket.write(get('/slow') + get('/fast'));
      await until(() => lifecycle.status().inFlight === 2, 'both are in flight');
      socket.write(get('/too-late?secret'));
      expect(await socket.readResponse()).toMatchObject({ body: 'slow', headers: { connection: 'keep-alive' } });
      expect(await socket.readResponse()).toMatchObject({ body: 'fast', headers: { connection: 'close' } });
      expect(await socket.closedByPeer).toBe('fin');
      expect(socket.unread()).toBe('');
      expect(await ended).toMatchObject({
        outcome: 'forced',
        requests: { answered: 2, cutCount: 1, cut: [{ method: 'GET', path: '/too-late', cause: 'collision' }] },
      });
    });
  });
});

describe('an answer of HTTP/1.0', () => {
  it('does not keep the connection either', async () => {
    await withLifecycle(OPTIONS, async ({ serve, begin }) => {
      const { open } = await serve();
      const request = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
      const socket = await open();
      socket.write(request);
      expect((await socket.readResponse()).headers['connection']).toBe('close');
      await begin();
      const late = await open();
      late.write(request);
      expect((await late.readResponse()).headers['connection']).toBe('close');
    });
  });
});
