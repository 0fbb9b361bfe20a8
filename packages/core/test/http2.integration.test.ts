import { createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createLifecycle, EXIT_CODES, type RequestSignals } from '@prestop/core';
import { openRaw } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { OPTIONS, withHttp2 } from './fixtures/http2-local.ts';
import { RawHttp2 } from './fixtures/http2-raw.ts';
import { get } from './fixtures/messages.ts';
import { certificate } from './fixtures/pod.ts';
import { at, until } from './fixtures/until.ts';

const CANCEL = 8;
/** The grace period of {@link SHORT} less a fifth of it. */
const SHORT_DEADLINE_MS = 2_400;
const SHORT = { ...OPTIONS, terminationGracePeriodSeconds: 3 };

const KINDS = [
  { kind: 'h2c', tls: undefined },
  { kind: 'TLS', tls: certificate },
];

describe.concurrent.each(KINDS)('HTTP/2 over $kind', ({ tls }) => {
  it('counts sessions as connections and streams as requests, and probes as neither', async () => {
    await withHttp2({ tls }, async ({ lifecycle, open, seen }) => {
      const client = await open();
      await open();
      const never = client.request('/never');
      client.request('/never', 'none', { 'user-agent': 'kube-probe/1.34' });
      await until(() => seen.length === 2, 'both streams are there');
      expect(lifecycle.status()).toMatchObject({ inFlight: 1, connections: { http2: 2 } });
      client.reset(never, CANCEL);
      await until(() => lifecycle.status().inFlight === 0, 'it was given up');
      client.close();
      await until(() => lifecycle.status().connections.http2 === 1, 'a session ended');
    });
  });

  it('serves sessions and streams, old and new, through the lame duck, and tells nobody before the floor', async () => {
    const floorMs = 700;
    await withHttp2({ tls, options: { ...OPTIONS, floorMs } }, async ({ lifecycle, open }) => {
      const old = await open();
      const ended = lifecycle.terminate();
      const floorAt = performance.now() + floorMs;
      const young = await open();
      for (const client of [old, young]) expect((await client.answered(client.request('/'))).headers).toBe(1);
      await until(() => old.closed && young.closed, 'both were sent away');
      for (const { goaways, error } of [old, young]) {
        expect(error).toBeUndefined();
        expect(goaways[0]).toMatchObject({ code: 0, lastStreamId: 1 });
        expect(goaways[0]?.atMs).toBeGreaterThan(floorAt - 30);
      }
      expect(await ended).toMatchObject({
        outcome: 'clean',
        connections: { atStart: { http2: 1 }, forced: 0, shed: 2 },
      });
    });
  });

  it('finishes streams in flight after GOAWAY, uploads too', async () => {
    await withHttp2(
      {
        tls,
        onStream: (stream, path) => {
          if (path === '/upload') stream.on('end', () => stream.end('taken')).resume();
          else setTimeout(() => stream.end('slow'), 900);
        },
      },
      async ({ lifecycle, open, seen }) => {
        const client = await open();
        const slow = client.request('/slow');
        const upload = client.request('/upload', 'open');
        await until(() => seen.length === 2, 'both are in flight');
        const ended = lifecycle.terminate();
        await until(() => client.goaways.length > 0, 'GOAWAY');
        expect(client.goaways[0]).toMatchObject({ lastStreamId: upload, code: 0 });
        client.data(upload, 'half', 'more');
        client.data(upload, ' and half', 'end');
        expect(await client.answered(upload)).toMatchObject({ bytes: 5, reset: undefined });
        expect(await client.answered(slow)).toMatchObject({ bytes: 4, reset: undefined });
        await until(() => client.ended, 'the session ends with its last stream');
        expect(await ended).toMatchObject({ outcome: 'clean', requests: { answered: 2, cutCount: 0 } });
      },
    );
  });

  it('never lets a handler see a stream that comes after GOAWAY, which its caller may send again', async () => {
    await withHttp2({ tls }, async ({ lifecycle, open, seen }) => {
      const client = await open();
      const slow = client.request('/slow?ms=900');
      await until(() => seen.length === 1, 'a stream is in flight');
      const ended = lifecycle.terminate();
      await until(() => client.goaways.length > 0, 'GOAWAY');
      const late = client.request('/late');
      expect(await client.answered(slow)).toMatchObject({ bytes: 2 });
      await until(() => client.closed, 'the session ends');
      expect(client.answer(late)).toMatchObject({ headers: 0, bytes: 0 });
      expect(Math.max(...client.goaways.map(({ lastStreamId }) => lastStreamId))).toBe(slow);
      expect(seen).toEqual(['/slow?ms=900']);
      expect(await ended).toMatchObject({ outcome: 'clean', requests: { answered: 1, cutCount: 0 } });
    });
  });

  it('never splits a packet: of the streams that came together, all are answered or all are refused', async () => {
    await withHttp2(
      { tls, options: { ...OPTIONS, quiet: { minMs: 300, maxMs: 300 } } },
      async ({ lifecycle, open }) => {
        const client = await open();
        const ended = lifecycle.terminate();
        const packets: string[][] = [];
        while (client.goaways.length === 0) {
          client.socket.cork();
          const packet = Array.from({ length: 20 }, () => client.ask('/slow?ms=20'));
          client.socket.uncork();
          packets.push(await Promise.all(packet));
        }
        for (const packet of packets) expect(new Set(packet).size, packet.join()).toBe(1);
        expect(packets[0]?.[0]).toBe('answered');
        expect((await ended).outcome).toBe('clean');
      },
    );
  });

  it('cuts at the deadline, and names what it cut', async () => {
    await withHttp2({ tls, options: SHORT }, async ({ lifecycle, open, seen, exits }) => {
      const client = await open();
      client.request('/never?token=secret');
      await until(() => seen.length === 1, 'it is in flight');
      const startedAt = performance.now();
      const report = await lifecycle.terminate();
      expect(performance.now() - startedAt).toBeGreaterThan(SHORT_DEADLINE_MS - 50);
      expect(report).toMatchObject({
        outcome: 'forced',
        exitCode: EXIT_CODES.forced,
        requests: { cutCount: 1, cut: [{ method: 'GET', path: '/never', cause: 'deadline' }] },
        connections: { forced: 1 },
      });
      await until(() => client.closed, 'the connection is over');
      await until(() => exits.length > 0, 'the exit');
    });
  });

  it('waits for a slow reader until it has everything', async () => {
    const length = 30_000_000;
    await withHttp2(
      { tls, onStream: (stream) => void stream.end(Buffer.alloc(length)) },
      async ({ lifecycle, open, seen }) => {
        const client = await open({ largeWindows: true });
        const id = client.request('/');
        await until(() => seen.length === 1, 'it is in flight');
        client.socket.pause();
        const ended = lifecycle.terminate();
        await until(() => lifecycle.phase === 'draining', 'the drain');
        await at(performance.now() + 500);
        expect(lifecycle.status().inFlight, 'the answer has not left').toBe(1);
        client.socket.resume();
        expect(await client.answered(id)).toMatchObject({ bytes: length });
        expect((await ended).outcome).toBe('clean');
      },
    );
  });

  it('gives up a caller that reads nothing, at the deadline, and is gone by then', async () => {
    await withHttp2(
      { tls, options: SHORT, onStream: (stream) => void stream.end(Buffer.alloc(30_000_000)) },
      async ({ lifecycle, open, seen, exits }) => {
        const client = await open({ largeWindows: true });
        client.request('/big');
        await until(() => seen.length === 1, 'it is in flight');
        client.socket.pause();
        const report = await lifecycle.terminate();
        expect(report).toMatchObject({ outcome: 'forced', requests: { cut: [{ path: '/big' }] } });
        expect(report.totalMs).toBeLessThan(3_000);
        await until(() => exits.length > 0, 'the exit');
      },
    );
  });

  it('closes silent sessions, those that never said a word too', async () => {
    await withHttp2({ tls }, async ({ lifecycle, open }) => {
      const idle = await open();
      await idle.answered(idle.request('/'));
      const mute = await open({ mute: true });
      const report = await lifecycle.terminate();
      expect(report).toMatchObject({ outcome: 'clean', connections: { forced: 0 } });
      expect(report.totalMs).toBeLessThan(2_500);
      await until(() => idle.closed && mute.closed, 'both are closed');
      expect(idle.goaways[0]).toMatchObject({ lastStreamId: 1, code: 0 });
    });
  });

  it('is not held up for long by a caller that never closes its side', async () => {
    await withHttp2({ tls }, async ({ lifecycle, open }) => {
      const client = await open();
      client.socket.allowHalfOpen = true;
      await client.answered(client.request('/'));
      const report = await lifecycle.terminate();
      expect(report).toMatchObject({ outcome: 'clean' });
      expect(report.totalMs).toBeLessThan(3_000);
    });
  });

  it('counts CONNECT streams as upgraded, and waits for them', async () => {
    await withHttp2(
      {
        tls,
        onStream: (stream) => {
          stream.respond({ ':status': 200 });
          stream.pipe(stream);
        },
      },
      async ({ lifecycle, open }) => {
        const client = await open();
        const id = client.tunnel('other.example:443');
        await until(() => lifecycle.status().connections.http2 === 1 && client.answer(id).headers === 1, 'the tunnel');
        expect(lifecycle.status().inFlight).toBe(0);
        const ended = lifecycle.terminate();
        await until(() => client.goaways.length > 0, 'GOAWAY');
        client.data(id, 'through', 'more');
        await until(() => client.answer(id).bytes === 7, 'the echo');
        expect(lifecycle.phase).toBe('draining');
        client.data(id, '', 'end');
        expect((await ended).outcome).toBe('clean');
      },
    );
  });

  it('cuts CONNECT streams at the deadline', async () => {
    await withHttp2(
      { tls, options: SHORT, onStream: (stream) => stream.respond({ ':status': 200 }) },
      async ({ lifecycle, open }) => {
        const client = await open();
        client.tunnel('other.example:443');
        await until(() => client.answer(1).headers === 1, 'the tunnel');
        expect(await lifecycle.terminate()).toMatchObject({
          outcome: 'forced',
          requests: { cutCount: 0 },
          connections: { forced: 1 },
        });
      },
    );
  });

  it('gives streams and requests of the compatibility layer their signals', async () => {
    const signals = new Map<string, RequestSignals>();
    await withHttp2({ tls, options: SHORT, onStream: () => {} }, async ({ lifecycle, server, open }) => {
      server.removeAllListeners('request');
      server.on('stream', (stream, headers) => {
        if (headers[':path'] === '/stream') signals.set('stream', lifecycle.requestSignals(stream));
      });
      server.on('request', (request: Http2ServerRequest) => {
        if (request.url === '/request') signals.set('request', lifecycle.requestSignals(request));
      });
      const client = await open();
      client.request('/stream');
      client.request('/request');
      await until(() => signals.size === 2, 'both are in flight');
      const told: string[] = [];
      for (const [name, { drain, deadline }] of signals) {
        drain.addEventListener('abort', () => told.push(`${name} drain`));
        deadline.addEventListener('abort', () => told.push(`${name} deadline`));
      }
      await lifecycle.terminate();
      expect(told.toSorted()).toEqual(['request deadline', 'request drain', 'stream deadline', 'stream drain']);
      expect(told.slice(0, 2).every((name) => name.endsWith('drain'))).toBe(true);
    });
  });

  it('answers /prestop over the compatibility layer, which does not wait for itself, and counts no probe', async () => {
    await withHttp2({ tls, options: SHORT, onStream: () => {} }, async ({ lifecycle, server, open }) => {
      const handle = lifecycle.handler({ token: 'a-long-secret' });
      server.removeAllListeners('request');
      server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
        handle(request as never, response as never);
      });
      const client = await open();
      const livez = client.request('/livez');
      await client.answered(livez);
      expect(lifecycle.status().answered).toBe(0);
      const hook = client.request('/prestop', 'none', { 'x-prestop-token': 'a-long-secret' });
      await client.answered(hook);
      expect(lifecycle.phase).toBe('draining');
    });
  });

  it('forgets streams that their callers give up, however many', async () => {
    await withHttp2({ tls, server: { maxSessionInvalidFrames: 100_000 } }, async ({ lifecycle, open, seen }) => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => open()));
      const each = 40;
      for (const client of clients) {
        for (let number = 0; number < each; number++) client.reset(client.request('/never'), CANCEL);
      }
      await until(() => seen.length > 0 && lifecycle.status().inFlight === 0, 'they are forgotten');
      expect(seen.length).toBeLessThanOrEqual(clients.length * each);
      const client = clients[0];
      if (client) await client.answered(client.request('/'));
      expect(lifecycle.status()).toMatchObject({ inFlight: 0 });
    });
  });

  it('lets callers stay when no signal follows the hook', async () => {
    const options = { ...OPTIONS, floorMs: 0, quiet: { minMs: 600, maxMs: 600 }, resumeAfterMs: 100 };
    await withHttp2({ tls, options }, async ({ lifecycle, open }) => {
      await lifecycle.terminate({ kind: 'prestop' });
      await until(() => lifecycle.phase === 'ready', 'ready again');
      const client = await open();
      const startedAt = performance.now();
      while (performance.now() < startedAt + 1_500)
        expect((await client.answered(client.request('/'))).headers).toBe(1);
      expect(client.goaways).toEqual([]);
      const ended = lifecycle.terminate();
      await until(() => client.closed, 'and leave the next time');
      expect((await ended).outcome).toBe('clean');
    });
  });

  it('leaves no listener behind', async () => {
    const names = ['connection', 'secureConnection', 'session', 'stream', 'request', 'upgrade', 'connect'];
    await withHttp2({ tls, options: { start: 'manual' } }, async ({ server }) => {
      const other = createLifecycle({ start: 'manual', logger: false, admin: false });
      const before = names.map((name) => server.listenerCount(name));
      other.attach(server);
      expect(server.listenerCount('request'), 'one would switch the compatibility layer on').toBe(0);
      await other.stop();
      expect(names.map((name) => server.listenerCount(name))).toEqual(before);
    });
  });
});

describe.concurrent('sending HTTP/2 callers away', () => {
  it('spreads them', async () => {
    const count = 400;
    await withHttp2({ options: OPTIONS }, async ({ lifecycle, open }) => {
      const clients = await Promise.all(Array.from({ length: count }, () => open()));
      const ended = lifecycle.terminate();
      await until(() => clients.every(({ closed }) => closed), 'all are closed');
      const times = clients.map(({ goaways }) => goaways[0]?.atMs ?? 0).toSorted((a, b) => a - b);
      const [first = 0, last = 0] = [times.at(0), times.at(-1)];
      expect(last - first).toBeGreaterThan(250);
      const inAnyTenth = times.map((time, index) => times.slice(index).filter((other) => other < time + 40).length);
      expect(Math.max(...inAnyTenth), 'never all of them at once').toBeLessThan(count / 2);
      expect(await ended).toMatchObject({ outcome: 'clean', connections: { shed: count, forced: 0 } });
    });
  });

  it('lets a caller that comes late work for a while before it is sent away again', async () => {
    const options = { ...OPTIONS, quiet: { minMs: 400, maxMs: 400 } };
    await withHttp2({ options }, async ({ lifecycle, open }) => {
      const first = await open();
      const ended = lifecycle.terminate();
      const last = performance.now() + 2_500;
      let session = first;
      let openedAt = performance.now();
      const lives: number[] = [];
      const outcomes: string[] = [];
      // Keeps the service from being quiet, and opens a session as soon as it is told to go.
      while (performance.now() < last) {
        outcomes.push(await session.ask('/slow?ms=20'));
        if (session.goaways.length === 0) continue;
        lives.push(performance.now() - openedAt);
        openedAt = performance.now();
        session = await open();
      }
      expect(outcomes).not.toContain('lost');
      expect(lives.length).toBeGreaterThan(1);
      expect(Math.min(...lives.slice(1))).toBeGreaterThan(1_000);
      expect((await ended).outcome).toBe('clean');
    });
  });

  it('does it at once on the fast path', async () => {
    const options = { ...OPTIONS, terminationGracePeriodSeconds: 20, floorMs: 8_000 };
    await withHttp2({ options }, async ({ lifecycle, open, seen }) => {
      const clients = await Promise.all(Array.from({ length: 300 }, () => open()));
      const busy = clients[0];
      const slow = busy?.request('/slow?ms=700') ?? 0;
      await until(() => seen.length === 1, 'one is in flight');
      void lifecycle.terminate({ kind: 'prestop' });
      const signalledAt = performance.now();
      const report = await lifecycle.terminate({ kind: 'signal', detail: 'SIGTERM' });
      expect(performance.now() - signalledAt).toBeLessThan(1_700);
      expect(report).toMatchObject({ outcome: 'clean', budget: { fastPath: true }, requests: { answered: 1 } });
      expect(busy?.answer(slow)).toMatchObject({ bytes: 2 });
    });
  });
});

describe.concurrent('an HTTP/2 server that also speaks HTTP/1', () => {
  it('treats each as what it is', async () => {
    const server = { allowHTTP1: true };
    await withHttp2({ tls: certificate, server, onStream: () => {} }, async ({ lifecycle, server, port, open }) => {
      server.on('request', (request, response) => setTimeout(() => response.end(`HTTP/${request.httpVersion}`), 500));
      const [one, idle, two] = [
        await openRaw(port, { tls: { ca: certificate.cert } }),
        await openRaw(port, { tls: { ca: certificate.cert } }),
        await open(),
      ];
      idle.write(get('/'));
      expect(await idle.readResponse()).toMatchObject({ body: 'HTTP/1.1', headers: { connection: 'keep-alive' } });
      one.write(get('/'));
      const id = two.request('/');
      const connections = { active: 1, idle: 1, http2: 1 };
      await until(() => lifecycle.status().inFlight === 2, 'both are in flight');
      expect(lifecycle.status()).toMatchObject({ connections });
      const ended = lifecycle.terminate();
      expect(await one.readResponse()).toMatchObject({ body: 'HTTP/1.1', headers: { connection: 'close' } });
      expect(await two.answered(id)).toMatchObject({ bytes: 'HTTP/2.0'.length });
      expect(await idle.closedByPeer).toBe('fin');
      expect(await ended).toMatchObject({
        outcome: 'clean',
        requests: { answered: 2 },
        connections: { atStart: connections },
      });
    });
  });
});

describe('the reason why the second GOAWAY does not wait for a round trip', () => {
  it('is that Node drops, without a word, every stream after the first, which promises to take them', async () => {
    const server = createServer();
    const paths: (string | undefined)[] = [];
    server.on('stream', (_stream, headers) => void paths.push(headers[':path']));
    const session = new Promise<ServerHttp2Session>((resolve) => server.once('session', resolve));
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const client = await RawHttp2.open((server.address() as AddressInfo).port);
    try {
      client.request('/before');
      await client.ping();
      (await session).goaway(0, 2 ** 31 - 1);
      await until(
        () => client.goaways[0]?.lastStreamId === 2 ** 31 - 1,
        'the first, with the largest stream identifier',
      );
      const after = client.request('/after');
      await client.ping();
      expect(paths).toEqual(['/before']);
      expect(client.answer(after)).toEqual({ headers: 0, bytes: 0, ended: false, reset: undefined });
    } finally {
      client.close();
      server.close();
    }
  });
});
