import type { RawSocket } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { repeatedly, type TestPod, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const REPEATS = 5;
const SOCKETS = 200;
/** By then no socket is in the middle of its burst any more, whatever its pace was. */
const IDLE_MS = 1_600;

/** Confirmed at once and nobody to wait for: what keeps the service up are the sockets alone. */
const REGISTRY = { settleMs: 0 };

interface Use {
  readonly title: string;
  /** Requests that each socket has made before it fell idle. */
  readonly earlier: number;
  /** When socket number `index` is used again, in milliseconds after t0. */
  readonly usedAtMs: (index: number) => number;
}

const USES: readonly Use[] = [
  { title: 'one after another within 2 s', earlier: 1, usedAtMs: (index) => (index / SOCKETS) * 1_950 },
  { title: 'all at once after 1.9 s', earlier: 1, usedAtMs: () => 1_900 },
  // What it did in a hurry some time ago says nothing about a socket that has been idle since.
  { title: 'all at once after 1.9 s, idle after a burst of requests', earlier: 5, usedAtMs: () => 1_900 },
];

async function warmUp(pod: TestPod, requests: number): Promise<readonly RawSocket[]> {
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => pod.open()));
  await Promise.all(
    sockets.map(async (socket) => {
      for (let number = 0; number < requests; number++) {
        socket.write(get('/warm-up'));
        expect((await socket.readResponse()).headers['connection']).toBe('keep-alive');
      }
    }),
  );
  return sockets;
}

async function useOnceMore({ earlier, usedAtMs }: Use, hook: boolean): Promise<void> {
  await withPod({ fake: REGISTRY }, async (pod) => {
    const sockets = await warmUp(pod, earlier);
    if (earlier > 1) await at(performance.now() + IDLE_MS);
    // Before the service has heard of it: when its log line is read, on a busy machine, some of the 2 s have passed.
    const t0 = performance.now();
    const { ended } = await pod.beginTermination(hook, { gracePeriodSeconds: 30 });
    const answers = await Promise.allSettled(
      sockets.map(async (socket, index) => {
        await at(t0 + usedAtMs(index));
        socket.write(get(`/fast?id=${index}`));
        return socket.readResponse();
      }),
    );
    const { timeline, report, detail } = await ended;
    const failed = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason)] : []));
    expect(failed.length, `${failed.length} of ${SOCKETS} lost: ${failed.slice(0, 3).join(', ')}\n${detail}`).toBe(0);
    for (const [index, answer] of answers.entries()) {
      if (answer.status === 'rejected') continue;
      const { status, body, headers } = answer.value;
      expect({ status, body, connection: headers['connection'] }).toEqual({
        status: 200,
        body: `fast ${index}`,
        connection: 'close',
      });
    }
    expect(timeline, detail).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
    expect(report.outcome, detail).toBe('clean');
    // Nothing is gained by staying longer than the last of them.
    expect(timeline.totalMs, detail).toBeLessThan(4_000);
  });
}

describe('200 idle keep-alive sockets, each used once more after t0', () => {
  it.for(USES)('answers 200 of 200: $title', async (use) => {
    await repeatedly(REPEATS, (number) => useOnceMore(use, number % 2 === 0));
  });
});

describe('idle keep-alive sockets that are never used again', () => {
  it('are closed without a reset, and the exit does not wait for their keep-alive timeout', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ fake: REGISTRY, env: { SERVER: JSON.stringify({ keepAliveTimeout: 60_000 }) } }, async (pod) => {
        const sockets = await warmUp(pod, 1);
        const { timeline, report, detail } = await pod.terminate(number % 2 === 0, { gracePeriodSeconds: 30 });
        expect(new Set(await Promise.all(sockets.map((socket) => socket.closedByPeer)))).toEqual(new Set(['fin']));
        expect(timeline.exit, detail).toEqual({ code: 0, signal: null });
        expect(report.connections, detail).toEqual({ atStart: { idle: SOCKETS }, shed: SOCKETS, forced: 0 });
        expect(timeline.totalMs, detail).toBeLessThan(4_000);
      }),
    );
  });
});
