import { fileURLToPath } from 'node:url';
import { EXIT_CODES } from '@prestop/core';
import type { RawSocket } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from '../../../core/test/fixtures/messages.ts';
import { repeatedly, type TestPod, withPod } from '../../../core/test/fixtures/pod.ts';
import { until } from '../../../core/test/fixtures/until.ts';
import { expectClean, express, GRACE, SHORT } from './fixtures/scenario.ts';

const WEB_SOCKETS = fileURLToPath(new URL('../../../core/test/fixtures/ws-service.mjs', import.meta.url));
/** Kept-alive connections that nobody would see the end of. */
const SERVER = JSON.stringify({ keepAliveTimeout: 60_000 });

const UPGRADE = get('/live', {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
});
/** FIN and opcode 8, then the length and the status 1001 (RFC 6455, sections 5.2 and 7.4.1). */
const GOING_AWAY = '\x88\x1b\x03\xe9the service is going away';
/** The same status from a client, which masks; with zeros here. */
const CLIENT_CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

async function openWebSocket(pod: TestPod): Promise<RawSocket> {
  const socket = await pod.open();
  socket.write(UPGRADE);
  expect((await socket.readResponse()).status).toBe(101);
  return socket;
}

/** Resolves with the instant at which the close frame was there. */
async function closeFrame(socket: RawSocket): Promise<number> {
  await until(() => socket.unread() === GOING_AWAY, 'the close frame');
  return performance.now();
}

/**
 * How long after its last answer the service was about to exit, by its own account, with that request in flight at t0 on a
 * connection that has been used before. In the fastest of three: what it takes when the machine has nothing else to do.
 */
async function msFromAnswerToExit(target: string, connection: string): Promise<number> {
  const times: number[] = [];
  await repeatedly(3, (number) =>
    withPod(express(SHORT, { env: { SERVER } }), async (pod) => {
      const socket = await pod.open();
      for (let count = 0; count < 3; count++) {
        socket.write(get('/fast'));
        await socket.readResponse();
      }
      socket.write(get(target));
      await pod.entered(`GET ${target}`);
      const { ended } = await pod.beginTermination(number % 2 === 0, GRACE);
      expect(await socket.readResponse()).toMatchObject({ status: 200, headers: { connection } });
      expect(await socket.closedByPeer).toBe('fin');
      const ending = await ended;
      expectClean(ending);
      const { startedAt, totalMs } = ending.report;
      const { text } = await pod.service.waitForLine(/^answered /);
      times.push(Date.parse(startedAt) + totalMs - Number(text.slice('answered '.length)));
    }),
  );
  return Math.min(...times);
}

describe.concurrent('B. no shutdown is slow or stuck', () => {
  // fastify/fastify#7044, nestjs/nest#7611, nodejs/node#2642
  it('14. when the last request ends, the exit follows within 100 ms, and does not wait for keepAliveTimeout', async () => {
    expect(await msFromAnswerToExit('/slow?ms=2500', 'close')).toBeLessThanOrEqual(100);
  });

  it('15. nor does it when the answer had begun without Connection: close: the server closes the connection', async () => {
    // Its caller may already have sent another request: that is waited for, as long as its habits say, at most 500 ms.
    expect(await msFromAnswerToExit('/chunked?chunks=5&ms=500', 'keep-alive')).toBeLessThanOrEqual(100 + 500);
  });

  // nestjs/nest#9517
  it('16. an event stream is told by a signal, and ends whole and long before the deadline', async () => {
    await withPod(express(), async (pod) => {
      const socket = await pod.open();
      socket.write(get('/stream'));
      await until(() => socket.unread().includes('data: tick'), 'the stream has begun');
      const { ended } = await pod.beginTermination(true, GRACE);
      expect((await socket.readResponse()).body).toMatch(/data: tick\n\ndata: bye\n\n$/);
      const ending = await ended;
      expectClean(ending);
      expect(ending.report.totalMs, ending.detail).toBeLessThan(ending.report.budget.deadlineMs / 2);
    });
  });

  // gajus/http-terminator#41, ParabolInc/parabol#8903
  it('17. WebSockets are sent 1001 one after another, new ones get 503, and one that is deaf is ended', async () => {
    await withPod({ script: WEB_SOCKETS, options: SHORT }, async (pod) => {
      const deaf = await openWebSocket(pod);
      const clients = await Promise.all(Array.from({ length: 20 }, () => openWebSocket(pod)));
      const { ended } = await pod.beginTermination(true, GRACE);
      const toldAt = await Promise.all(
        clients.map(async (client) => {
          const at = await closeFrame(client);
          client.write(CLIENT_CLOSE);
          return at;
        }),
      );
      await closeFrame(deaf);
      const late = await pod.open();
      late.write(UPGRADE);
      expect((await late.readResponse()).status).toBe(503);
      await deaf.closedByPeer;
      // 21 clients at random instants of 210 ms.
      expect(Math.max(...toldAt) - Math.min(...toldAt)).toBeGreaterThan(40);
      const ending = await ended;
      expectClean(ending);
      expect(ending.report.closers, ending.detail).toMatchObject([
        { outcome: 'done', counts: { told: 21, closed: 20, terminated: 1, refused: 1 } },
      ]);
    });
  });

  // hunterloftis/stoppable#27
  it('18. a peer that is gone and never closes its side does not hold up the exit', async () => {
    await withPod(express(SHORT, { env: { SERVER } }), async (pod) => {
      const gone = await pod.open();
      gone.write(get('/fast'));
      await gone.readResponse();
      gone.ignore();
      const ending = await pod.terminate(true, GRACE);
      gone.reset();
      expectClean(ending);
      expect(ending.report.totalMs, ending.detail).toBeLessThan(6_000);
    });
  });

  // nestjs/nest-cli#1487
  it('19. a closer that never ends runs into its own timeout; those after it run, and the report names it', async () => {
    const closers = { stuck: { takes: 'never', timeoutMs: 300 }, pool: { takes: 50, after: ['stuck'] } };
    await withPod(express(SHORT, { env: { CLOSERS: JSON.stringify(closers) } }), async (pod) => {
      const { timeline, report, detail } = await pod.terminate(true, GRACE);
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.closerFailed } });
      expect(report, detail).toMatchObject({
        outcome: 'closer-failed',
        closers: [
          { name: 'stuck', outcome: 'timed-out' },
          { name: 'pool', outcome: 'done' },
        ],
      });
      expect(report.totalMs, detail).toBeLessThan(6_000);
    });
  });
});
