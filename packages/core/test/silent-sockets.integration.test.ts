import type { LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get, head } from './fixtures/messages.ts';
import { certificate, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const REPEATS = 5;
/** Go's rule for sockets without a complete request head (golang/go#22682). */
const GRACE_FOR_SILENCE_MS = 5_000;
/** What it may take beyond that: closing, closers, the exit of the process, a busy machine. */
const SMALL_MS = 700;

const FAKE = { settleMs: 0 };
const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 30 };

const HALF_HEAD = 'GET /fast?id=half HTTP/1.1\r\nHost: service\r\nX-Slow: ye';
const OTHER_HALF = 's\r\n\r\n';

async function expectCleanEnd(pod: TestPod, ended: ReturnType<TestPod['terminate']>): Promise<number> {
  const { timeline, report, detail } = await ended;
  expect(timeline, `${detail}\n${pod.output()}`).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
  expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
  return timeline.totalMs;
}

describe.concurrent.each([
  { scheme: 'http', tls: undefined },
  { scheme: 'https', tls: certificate },
])('sockets that have not said a whole request head at t0, over $scheme', ({ tls }) => {
  const options = { options: OPTIONS, fake: FAKE, ...(tls && { tls }) };

  it('are served when they speak 300 ms and 3 s after it', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod(options, async (pod) => {
        const silent = [await pod.open(), await pod.open()];
        const halfway = [await pod.open(), await pod.open()];
        for (const socket of halfway) socket.write(HALF_HEAD);
        // A request on another connection: what was written before it has been read by now.
        const other = await pod.open();
        other.write(get('/fast'));
        await other.readResponse();
        const { ended } = await pod.beginTermination(number % 2 === 0, { gracePeriodSeconds: 30 });
        const t0 = performance.now();
        for (const [index, afterMs] of [300, 3_000].entries()) {
          await at(t0 + afterMs);
          silent[index]?.write(get('/fast?id=silent'));
          halfway[index]?.write(OTHER_HALF);
          const message = `${afterMs} ms after t0`;
          expect(await silent[index]?.readResponse(), message).toMatchObject({
            status: 200,
            body: 'fast silent',
            headers: { connection: 'close' },
          });
          expect(await halfway[index]?.readResponse(), message).toMatchObject({
            status: 200,
            body: 'fast half',
            headers: { connection: 'close' },
          });
        }
        await expectCleanEnd(pod, ended);
      }),
    );
  });

  it('do not hold up the exit for more than 5 s when they stay as they are', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod(options, async (pod) => {
        const silent = await pod.open();
        const halfway = await pod.open();
        halfway.write(HALF_HEAD);
        const halfwayAgain = await pod.open();
        halfwayAgain.write(get('/fast'));
        await halfwayAgain.readResponse();
        halfwayAgain.write(HALF_HEAD);
        const ended = pod.terminate(number % 2 === 0, { gracePeriodSeconds: 30 });
        const closed = await Promise.all([silent, halfway, halfwayAgain].map((socket) => socket.closedByPeer));
        const totalMs = await expectCleanEnd(pod, ended);
        expect(closed, 'nobody is reset').toEqual(['fin', 'fin', 'fin']);
        expect(totalMs).toBeLessThan(GRACE_FOR_SILENCE_MS + SMALL_MS);
      }),
    );
  });
});

describe.concurrent('a half-sent head while the service drains', () => {
  it('counts its 5 s from when it fell silent, not from when the drain began', async () => {
    // The floor keeps the service in the lame duck for 4 s; by then the head has been half sent for as long.
    await withPod({ fake: { settleMs: 4_000 }, options: OPTIONS }, async (pod) => {
      const socket = await pod.open();
      socket.write(HALF_HEAD);
      const totalMs = await expectCleanEnd(pod, pod.terminate(true, { gracePeriodSeconds: 30 }));
      expect(totalMs).toBeLessThan(GRACE_FOR_SILENCE_MS + SMALL_MS);
    });
  });

  it('is still subject to headersTimeout', async () => {
    const server = { headersTimeout: 1_000, requestTimeout: 0, connectionsCheckingInterval: 100 };
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS, fake: FAKE, env: { SERVER: JSON.stringify(server) } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=3500'));
        await pod.entered('GET /slow?ms=3500');
        const { ended } = await pod.beginTermination(number % 2 === 0, { gracePeriodSeconds: 30 });
        await pod.service.waitForLine(/"to":"draining"/);
        const slow = await pod.open();
        const openedAt = performance.now();
        slow.write(head('GET', '/fast').slice(0, 20));
        expect((await slow.readResponse()).status, 'Node answers a head that takes too long').toBe(408);
        expect(performance.now() - openedAt).toBeLessThan(2_000);
        expect((await busy.readResponse()).body).toBe('slow ');
        await expectCleanEnd(pod, ended);
      }),
    );
  });
});
