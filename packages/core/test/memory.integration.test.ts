import { fileURLToPath } from 'node:url';
import type { LifecycleStatus } from '@prestop/core';
import { openRaw, startCallers } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { manyAborted } from './fixtures/aborted.ts';
import { get } from './fixtures/messages.ts';
import { certificate, type TestPod, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const REQUESTS = 20_000;
const ABORTED = 2_000;
const FEW = 20;
/** For longer than this the journal of requests holds none that was answered. */
const JOURNAL_MS = 150;

interface Counts {
  readonly status: LifecycleStatus;
  readonly seen: Readonly<Record<'request' | 'response' | 'socket', number>>;
  /** Of those that were seen, how many are still in memory after a garbage collection. */
  readonly held: Readonly<Record<'request' | 'response' | 'socket', number>>;
  readonly connections: number;
}

async function countsOf(pod: TestPod): Promise<Counts> {
  const socket = await openRaw(pod.adminPort);
  socket.write(get('/counts'));
  const { body } = await socket.readResponse({ timeoutMs: 30_000 });
  await socket.close();
  return JSON.parse(body);
}

/** The counts when the last connection is gone, which is after the last event of the last request. */
async function countsAtRest(pod: TestPod): Promise<Counts> {
  for (const limit = performance.now() + 15_000; ; ) {
    const counts = await countsOf(pod);
    if (counts.connections === 0 || performance.now() > limit) return counts;
    await at(performance.now() + 50);
  }
}

async function manyRequests(pod: TestPod, tls: boolean): Promise<void> {
  const callers = startCallers({
    discover: async () => [`127.0.0.1:${pod.port}`],
    requests: [{ path: '/fast' }, { path: '/upload', method: 'POST', body: 'x'.repeat(500) }],
    count: 30,
    thinkMs: 0,
    ...(tls && { tls: { ca: certificate.cert } }),
  });
  await callers.waitForAnswered(REQUESTS, 60_000);
  const { lostCount } = await callers.stop();
  expect(lostCount).toBe(0);
}

/** Requests one after the other on a connection that stays open, and what is left of them soon afterwards. */
async function countsOfIdle(pod: TestPod): Promise<Counts> {
  const socket = await openRaw(pod.port);
  for (let index = 0; index < FEW; index++) {
    socket.write(get('/fast'));
    await socket.readResponse({ timeoutMs: 30_000 });
  }
  await at(performance.now() + JOURNAL_MS);
  const counts = await countsOf(pod);
  await socket.close();
  return counts;
}

const script = fileURLToPath(new URL('./fixtures/memory-service.mjs', import.meta.url));

describe.each([
  { scheme: 'http', tls: undefined },
  { scheme: 'https', tls: certificate },
])('20,000 requests and 2,000 aborted ones over $scheme', ({ tls }) => {
  it('leave no tracked request or socket, and nothing in memory that Node itself does not hold', async () => {
    const run = (env: Record<string, string>): Promise<Counts> =>
      withPod({ script, execArgv: ['--expose-gc'], env, ...(tls && { tls }) }, async (pod) => {
        await manyRequests(pod, tls !== undefined);
        await manyAborted(pod, ABORTED, tls === undefined);
        return countsAtRest(pod);
      });
    const [counts, without] = await Promise.all([run({}), run({ WITHOUT: '1' })]);
    const detail = JSON.stringify({ counts, without });
    expect(counts.seen.request, detail).toBeGreaterThan(REQUESTS + ABORTED);
    expect(counts.seen.socket, detail).toBeGreaterThan(ABORTED);
    expect(counts.connections, detail).toBe(0);
    expect(counts.status, detail).toMatchObject({ inFlight: 0, connections: {} });
    expect(Object.keys(counts.status.connections), detail).toEqual([]);
    for (const kind of ['request', 'response', 'socket'] as const) {
      expect(counts.held[kind], `${kind}: ${detail}`).toBeLessThanOrEqual(without.held[kind]);
    }
  });
});

it('an answered request is not held, by the journal for a moment only', async () => {
  const run = (env: Record<string, string>): Promise<Counts> =>
    withPod({ script, execArgv: ['--expose-gc'], env }, countsOfIdle);
  const [counts, without] = await Promise.all([run({}), run({ WITHOUT: '1' })]);
  const detail = JSON.stringify({ counts, without });
  expect([counts.seen.request, counts.connections], detail).toEqual([FEW, 1]);
  for (const kind of ['request', 'response'] as const) {
    expect(counts.held[kind], `${kind}: ${detail}`).toBeLessThanOrEqual(without.held[kind]);
  }
});
