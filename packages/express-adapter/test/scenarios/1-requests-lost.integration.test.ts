import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRaw, rollOut, startCallers } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { RawHttp2 } from '../../../core/test/fixtures/http2-raw.ts';
import { askOnce, get, head } from '../../../core/test/fixtures/messages.ts';
import { certificate, repeatedly, TestPod, withPod } from '../../../core/test/fixtures/pod.ts';
import { at, until } from '../../../core/test/fixtures/until.ts';
import { startPoolProxy } from './fixtures/pool-proxy.ts';
import { expectClean, express, GRACE, lameDuckOf, SHORT } from './fixtures/scenario.ts';

const HTTP2 = fileURLToPath(new URL('../../../core/test/fixtures/http2-service.mjs', import.meta.url));
/** Go's 5 s for sockets that have said nothing yet, and what a busy machine may add; the budget would be 16 s. */
const SILENT_AT_MOST_MS = 5_000 + 1_500;

describe.concurrent('A. no request is lost', () => {
  // gajus/http-terminator#48, nodejs/node#47130
  it('1. a request that is in the kernel when SIGTERM comes is answered, with Connection: close', async () => {
    await withPod(express(), async (pod) => {
      const socket = await pod.open();
      socket.write(get('/fast'));
      expect((await socket.readResponse()).headers['connection']).toBe('keep-alive');
      // A process that does not run has read neither the request nor the signal. Whichever it reads first, it answers after.
      pod.service.signal('SIGSTOP');
      socket.write(get('/slow?ms=50'));
      const ended = pod.terminate(false, GRACE);
      await turn();
      pod.service.signal('SIGCONT');
      expect(await socket.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expectClean(await ended);
    });
  });

  // kubernetes/kubernetes#43576
  // Twenty terminations, most of whose time is waiting; on a busy machine that adds up.
  it('2. sixty callers in a closed loop on kept-alive connections lose nothing in twenty drains', {
    timeout: 240_000,
  }, async () => {
    for (let round = 0; round < 5; round++) {
      await repeatedly(4, (number) =>
        withPod(express({ terminationGracePeriodSeconds: 20 }, { fake: { settleMs: 800 } }), async (pod) => {
          let listed = [`127.0.0.1:${pod.port}`];
          const callers = startCallers({
            discover: async () => listed,
            requests: [{ path: '/fast' }, { path: '/slow?ms=10' }],
            count: 60,
            thinkMs: 100,
            lagMs: 500,
            seed: round * 4 + number,
          });
          await callers.waitForAnswered(300, 30_000);
          const { ended } = await pod.beginTermination(number % 2 === 0, GRACE);
          listed = [];
          const ending = await ended;
          const { lostCount, lost } = await callers.stop();
          expect(lostCount, JSON.stringify(lost.slice(0, 3)) + ending.detail).toBe(0);
          expect(ending.report.requests.late.count, ending.detail).toBeGreaterThan(0);
          expectClean(ending);
        }),
      );
    }
  });

  // nodejs/node#63452, nodejs/node#63470, golang/go#22682, hunterloftis/stoppable#27
  it('3. an accepted socket without a byte is served when it speaks, and closed when it stays silent', async () => {
    await withPod(express(), async (pod) => {
      const [speaks, silent] = [await pod.open(), await pod.open()];
      const { ended } = await pod.beginTermination(true, GRACE);
      await at(performance.now() + 300);
      speaks.write(get('/fast'));
      expect(await speaks.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expect(await silent.closedByPeer).toBe('fin');
      const ending = await ended;
      expectClean(ending);
      expect(ending.report.totalMs, ending.detail).toBeLessThan(SILENT_AT_MOST_MS);
    });
  });

  it('3b. a request in flight over HTTPS is answered', async () => {
    await withPod(express(SHORT, { tls: certificate }), async (pod) => {
      const socket = await pod.open();
      socket.write(get('/wait'));
      await pod.entered('GET /wait');
      const { ended } = await pod.beginTermination(false, GRACE);
      await pod.ask('/go');
      expect(await socket.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expectClean(await ended);
    });
  });

  it('4. half a request head is served when it is completed, and headersTimeout goes on', async () => {
    await withPod(express(), async (pod) => {
      const socket = await pod.open();
      socket.write('GET /fast HTTP/1.1\r\nHo');
      const { ended } = await pod.beginTermination(true, GRACE);
      await pod.service.waitForLine(/"to":"draining"/);
      socket.write('st: service\r\n\r\n');
      expect(await socket.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expectClean(await ended);
    });
    // Well before the 5 s of prestop.
    const server = { headersTimeout: 1_000, requestTimeout: 0, connectionsCheckingInterval: 100 };
    await withPod(express(SHORT, { env: { SERVER: JSON.stringify(server) } }), async (pod) => {
      await pod.ask('/hold?name=test');
      const { ended } = await pod.beginTermination(true, GRACE);
      await pod.service.waitForLine(/"to":"draining"/);
      const socket = await pod.open();
      socket.write('GET /fast HTTP/1.1\r\nHo');
      expect((await socket.readResponse()).status, 'Request Timeout').toBe(408);
      await pod.ask('/release?name=test');
      expectClean(await ended);
    });
  });

  // gajus/http-terminator#22
  it('5. a new connection is served until callers have stopped, and then refused, never accepted and reset', async () => {
    const closers = { pool: { takes: 2_000 } };
    await withPod(express(lameDuckOf(800), { env: { CLOSERS: JSON.stringify(closers) } }), async (pod) => {
      await pod.ask('/hold?name=test');
      const { ended } = await pod.beginTermination(true, GRACE);
      for (const phase of ['lame-duck', 'draining']) {
        await pod.service.waitForLine((line) => line.text.includes(`"to":"${phase}"`));
        expect((await pod.ask('/fast')).status, phase).toBe(200);
      }
      await pod.ask('/release?name=test');
      await pod.service.waitForLine(/^closing pool/);
      await expect(pod.open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      expectClean(await ended);
    });
  });

  // fastify/fastify#1714, gajus/lightship#33
  it('6. requests that still come are answered with 200 and Connection: close, not with 503', async () => {
    await withPod(express(lameDuckOf(2_500)), async (pod) => {
      const old = await pod.open();
      const { ended } = await pod.beginTermination(true, GRACE);
      for (let count = 0; count < 10; count++) {
        expect(await pod.ask('/fast')).toMatchObject({ status: 200, headers: { connection: 'close' } });
      }
      expect(await askOnce(old, get('/fast'))).toMatchObject({ status: 200, headers: { connection: 'close' } });
      const ending = await ended;
      expectClean(ending);
      expect(ending.report.requests.late.count, ending.detail).toBe(11);
    });
  });

  // fastify/fastify#4098, nodejs/node#43771, nestjs/nest#11416
  it('7. a handler of 400 ms is waited for when the end comes after 100, with nothing but defaults', async () => {
    await withPod(express({}), async (pod) => {
      const socket = await pod.open();
      socket.write(get('/slow?ms=400'));
      await pod.entered('GET /slow?ms=400');
      await at(performance.now() + 100);
      const { ended } = await pod.beginTermination(false, { gracePeriodSeconds: 30 });
      expect(await socket.readResponse()).toMatchObject({ status: 200, body: 'slow ' });
      expectClean(await ended);
    });
  });

  it('8. three pipelined requests get three answers, of which the last alone says Connection: close', async () => {
    await withPod(express(), async (pod) => {
      const socket = await pod.open();
      const targets = [0, 1, 2].map((id) => `/wait?id=${id}`);
      socket.write(targets.map((target) => get(target)).join(''));
      for (const target of targets) await pod.entered(`GET ${target}`);
      const { ended } = await pod.beginTermination(false, GRACE);
      await pod.ask('/go');
      for (const [id, connection] of ['keep-alive', 'keep-alive', 'close'].entries()) {
        expect(await socket.readResponse()).toMatchObject({
          status: 200,
          body: `waited ${id}, closed: `,
          headers: { connection },
        });
      }
      expectClean(await ended);
    });
  });

  it('9. an upload that waits for 100 Continue, and one that is half sent, are completed', async () => {
    await withPod(express(), async (pod) => {
      const [waits, half] = [await pod.open(), await pod.open()];
      half.write(`${head('POST', '/upload', { 'Content-Length': '8' })}half`);
      await pod.entered('POST /upload');
      const { ended } = await pod.beginTermination(false, GRACE);
      waits.write(head('POST', '/upload', { 'Content-Length': '4', Expect: '100-continue' }));
      expect((await waits.readResponse()).status).toBe(100);
      await pod.service.waitForLine(/"to":"draining"/);
      half.write('half');
      waits.write('body');
      expect(await half.readResponse()).toMatchObject({
        status: 200,
        body: 'took 8',
        headers: { connection: 'close' },
      });
      expect(await waits.readResponse()).toMatchObject({
        status: 200,
        body: 'took 4',
        headers: { connection: 'close' },
      });
      expectClean(await ended);
    });
  });

  // godaddy/terminus#181
  it('10. of two servers in one process, the one that is done first waits for the other', async () => {
    await withPod(express(SHORT, { env: { SECOND: 'yes' } }), async (pod) => {
      const { text } = await pod.service.waitForLine(/^second /);
      const second = await openRaw(Number(text.slice('second '.length)));
      second.write(get('/wait'));
      await pod.entered('GET /wait');
      expect((await pod.ask('/fast')).status).toBe(200);
      const { ended } = await pod.beginTermination(false, GRACE);
      await pod.service.waitForLine(/"to":"draining"/);
      await pod.ask('/go');
      expect(await second.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expectClean(await ended);
    });
  });

  // nodejs/node#57611, sebhildebrandt/http-graceful-shutdown#28
  it('11. an HTTP/2 session is sent GOAWAY, its stream in flight is answered, and the session ends', async () => {
    await withPod({ script: HTTP2, options: SHORT }, async (pod) => {
      const client = await RawHttp2.open(pod.port);
      const slow = client.request('/slow?ms=2500');
      await pod.entered('GET /slow?ms=2500');
      const { ended } = await pod.beginTermination(false, GRACE);
      await until(() => client.goaways.length > 0, 'GOAWAY');
      expect(client.goaways[0]).toMatchObject({ lastStreamId: slow, code: 0 });
      expect(await client.answered(slow)).toMatchObject({ headers: 1, bytes: 5, reset: undefined });
      await until(() => client.ended, 'the end of the session');
      expectClean(await ended);
    });
  });

  // nodejs/node#57809, line/armeria#1346, nodejs/undici#5089
  it('12. streams that cross a GOAWAY are answered or known to be untouched; an answer without a body is whole', async () => {
    await withPod({ script: HTTP2, options: SHORT }, async (pod) => {
      const client = await RawHttp2.open(pod.port);
      const bodiless = client.request('/slow?ms=2500', 'none', { method: 'HEAD' });
      await pod.entered('HEAD /slow?ms=2500');
      const { ended } = await pod.beginTermination(false, GRACE);
      const asked: Promise<{ readonly target: string; readonly became: string }>[] = [];
      while (client.goaways.length === 0) {
        const target = `/fast?id=${asked.length}`;
        asked.push(client.ask(target).then((became) => ({ target, became })));
        await pause(3);
      }
      for (const { target, became } of await Promise.all(asked)) {
        const seen = pod.service.lines.some(({ text }) => text === `entered GET ${target}`);
        expect({ target, became, seen }).toEqual({ target, became: seen ? 'answered' : 'refused', seen });
      }
      expect(await client.answered(bodiless)).toMatchObject({ headers: 1, bytes: 0, reset: undefined });
      expectClean(await ended);
    });
  });

  // Unitech/pm2#3407, Unitech/pm2#2729
  it('13. behind a proxy with a pool of kept-alive connections a rolling update gives no 502', async () => {
    const proxy = await startPoolProxy();
    try {
      const { tally, rolled } = await rollOut({
        ...GRACE,
        startPod: async () => {
          const pod = await TestPod.start(express(lameDuckOf(600)));
          const target = `127.0.0.1:${pod.port}`;
          proxy.add(target);
          return { service: pod.service, target, hookPort: pod.adminPort };
        },
        callers: {
          discover: async () => [`127.0.0.1:${proxy.port}`],
          requests: [
            { path: '/fast' },
            { path: '/slow?ms=20' },
            { path: '/upload', method: 'POST', body: 'not idempotent' },
          ],
          count: 20,
          thinkMs: 20,
        },
      });
      expect(tally.lostCount, JSON.stringify({ causes: tally.causes, errors: proxy.errors })).toBe(0);
      for (const { report } of rolled) expect(report).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
    } finally {
      await proxy.close();
    }
  });
});
