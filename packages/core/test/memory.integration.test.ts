import { fileURLToPath } from 'node:url';
import type { LifecycleStatus } from '@prestop/core';
import { openRaw, type RawSocket, startCallers } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get, head } from './fixtures/messages.ts';
import { certificate, type TestPod, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const REQUESTS = 20_000;
const ABORTED = 2_000;

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

/** Every way of going away, in turn; each opens a connection of its own. */
const WAYS_TO_GO: readonly ((pod: TestPod) => Promise<RawSocket>)[] = [
  // Before the answer.
  async (pod) => said(pod, get('/never')),
  // In the middle of the answer.
  async (pod) => said(pod, get('/deaf-stream')),
  // In the middle of the body.
  async (pod) => said(pod, `${head('POST', '/upload', { 'Content-Length': '1000' })}half`),
  // In the middle of the head.
  async (pod) => said(pod, get('/fast').slice(0, 12)),
  // Having said nothing.
  async (pod) => said(pod, ''),
  // Before the handshake, where there is one.
  async (pod) => openRaw(pod.port),
  // After one answer, in the second request.
  async (pod) => {
    const socket = await said(pod, get('/fast'));
    await socket.readResponse();
    socket.write(get('/never'));
    return socket;
  },
  // With pipelined requests that wait behind one that is never answered.
  async (pod) => said(pod, get('/never') + get('/fast').repeat(3) + get('/never')),
  // With pipelined requests, half of them answered and one half sent.
  async (pod) => {
    const socket = await said(
      pod,
      get('/fast').repeat(2) + get('/never') + get('/fast').repeat(2) + get('/x').slice(0, 9),
    );
    await socket.readResponse();
    await socket.readResponse();
    return socket;
  },
];

async function said(pod: TestPod, bytes: string): Promise<RawSocket> {
  const socket = await pod.open();
  if (bytes !== '') socket.write(bytes);
  return socket;
}

function goAway(pod: TestPod, number: number): Promise<RawSocket> {
  const way = WAYS_TO_GO[number % WAYS_TO_GO.length];
  if (way === undefined) throw new Error('there is no way');
  return way(pod);
}

async function manyAborted(pod: TestPod, canReset: boolean): Promise<void> {
  for (let done = 0; done < ABORTED; done += 100) {
    const sockets = await Promise.all(Array.from({ length: 100 }, (_, index) => goAway(pod, done + index)));
    // Answered on a connection that was opened after all of these: the service has read what they said.
    const last = await said(pod, get('/fast'));
    await last.readResponse();
    await last.close();
    for (const [index, socket] of sockets.entries()) {
      if (canReset && index % 2 === 0) socket.reset();
      else void socket.close();
    }
  }
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
        await manyAborted(pod, tls === undefined);
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
