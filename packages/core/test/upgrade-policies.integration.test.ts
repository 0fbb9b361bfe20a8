import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { EXIT_CODES, type Lifecycle, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { withHttp2 } from './fixtures/http2-local.ts';
import { withLifecycle } from './fixtures/local.ts';
import { get, head } from './fixtures/messages.ts';
import { until } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 5, floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
/** The grace period less a fifth of it. */
const DEADLINE_MS = 4_000;

const UPGRADE = get('/socket', { Connection: 'Upgrade', Upgrade: 'websocket' });
const CONNECT = head('CONNECT', 'other.example:443');
const EVENTS = get('/events', { Accept: 'text/event-stream' });

function takeOver(request: IncomingMessage, socket: Duplex): void {
  const status = request.method === 'CONNECT' ? '200 Connected' : '101 Switching Protocols';
  socket.write(`HTTP/1.1 ${status}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  socket.on('error', () => {}).resume();
}

/** A closer that has the drain last until the deadline. */
function hang(lifecycle: Lifecycle): void {
  lifecycle.onClose('hangs', () => new Promise(() => {}), { phase: 'draining' });
}

/** What is said to open an exchange of each kind, and what is read when it is open. */
const KINDS = [
  { kind: 'eventStreams', message: EVENTS },
  { kind: 'tunnels', message: CONNECT },
  { kind: 'upgrades', message: UPGRADE },
] as const;

describe.concurrent.each(KINDS)('longLived.$kind', ({ kind, message }) => {
  async function terminate(options: LifecycleOptions, beside?: string, prepare = (_lifecycle: Lifecycle) => {}) {
    const outcome: { report?: object; totalMs?: number; exits?: readonly number[]; answer?: string } = {};
    await withLifecycle({ ...OPTIONS, ...options }, async ({ lifecycle, serve, exits }) => {
      const local = await serve((request, response) => {
        if (request.url === '/slow') setTimeout(() => response.end('slow'), 1_500);
        else response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: first\n\n');
      });
      local.server.on('upgrade', takeOver).on('connect', takeOver);
      prepare(lifecycle);
      const socket = await local.open();
      socket.write(message);
      await until(() => /data: first|HTTP\/1\.1 (101|200)/.test(socket.unread()), 'it is open');
      const answer = beside === undefined ? undefined : local.ask(beside);
      if (answer) await until(() => lifecycle.status().inFlight > 0, 'a request is in flight beside it');
      const report = await lifecycle.terminate();
      await socket.closedByPeer;
      await until(() => exits.length > 0, 'the exit');
      const { body } = (await answer) ?? { body: '' };
      Object.assign(outcome, { report, totalMs: report.totalMs, exits, answer: body });
    });
    return outcome;
  }

  it('wait: it is waited for until the deadline, and cut then', async () => {
    const { report, totalMs, exits } = await terminate({});
    expect(report).toMatchObject({ outcome: 'forced', connections: { forced: 1 } });
    expect(totalMs).toBeGreaterThanOrEqual(DEADLINE_MS - 20);
    expect(exits).toEqual([EXIT_CODES.forced]);
  });

  it('leave: it holds nothing up, and its end is no loss', async () => {
    const { report, totalMs, exits } = await terminate({ longLived: { [kind]: 'leave' } });
    expect(report).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 }, connections: { forced: 1 } });
    expect(totalMs).toBeLessThan(2_000);
    expect(exits).toEqual([EXIT_CODES.clean]);
  });

  it('leave: its end is no loss at the deadline either', async () => {
    const { report, exits } = await terminate({ longLived: { [kind]: 'leave' } }, undefined, hang);
    expect(report).toMatchObject({ outcome: 'closer-failed', requests: { cutCount: 0 }, connections: { forced: 1 } });
    expect(exits).toEqual([EXIT_CODES.closerFailed]);
  });

  it('leave: it lasts as long as the requests beside it', async () => {
    const { report, totalMs, answer } = await terminate({ longLived: { [kind]: 'leave' } }, get('/slow'));
    expect(answer).toBe('slow');
    expect(report).toMatchObject({ outcome: 'clean', requests: { answered: 1, cutCount: 0 } });
    expect(totalMs).toBeGreaterThan(1_000);
  });
});

describe.concurrent('longLived over HTTP/2', () => {
  it.each([
    { until: 'nothing else is in flight', prepare: () => {}, outcome: 'clean', atMostMs: 2_500 },
    { until: 'the deadline', prepare: hang, outcome: 'closer-failed', atMostMs: DEADLINE_MS + 1_000 },
  ])('leaves tunnels and event streams until $until', async ({ prepare, outcome, atMostMs }) => {
    const options: LifecycleOptions = { ...OPTIONS, longLived: { eventStreams: 'leave', tunnels: 'leave' } };
    await withHttp2(
      { options, onStream: (stream) => stream.respond({ ':status': 200 }) },
      async ({ lifecycle, open, seen }) => {
        prepare(lifecycle);
        const client = await open();
        client.tunnel('other.example:443');
        client.request('/events', 'none', { accept: 'text/event-stream' });
        await until(() => seen.length === 2, 'both are open');
        const report = await lifecycle.terminate();
        expect(report).toMatchObject({ outcome, requests: { cutCount: 0 }, connections: { forced: 1 } });
        expect(report.totalMs).toBeLessThan(atMostMs);
      },
    );
  });
});
