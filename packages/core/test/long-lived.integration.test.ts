import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import type { LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { withLifecycle } from './fixtures/local.ts';
import { get, head } from './fixtures/messages.ts';
import { until } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 20, floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
/** Long before the deadline, 16 s. */
const SOON_MS = 3_000;

describe.concurrent('a long poll', () => {
  it('is answered with what there is when the service drains', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      // #region long-poll
      const messages = new EventEmitter();

      async function poll(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { drain } = lifecycle.requestSignals(request);
        try {
          const signal = AbortSignal.any([drain, AbortSignal.timeout(25_000)]);
          const [message] = await once(messages, 'message', { signal });
          response.end(message);
        } catch {
          // Nothing yet: the caller asks again, and is answered by another instance.
          response.writeHead(204).end();
        }
      }
      // #endregion
      const { open } = await serve((request, response) => void poll(request, response));
      const [lucky, patient] = [await open(), await open()];
      lucky.write(get('/messages'));
      await until(() => messages.listenerCount('message') === 1, 'it waits');
      messages.emit('message', 'hello');
      expect(await lucky.readResponse()).toMatchObject({ status: 200, body: 'hello' });
      patient.write(get('/messages'));
      await until(() => messages.listenerCount('message') === 1, 'it waits');
      const report = await lifecycle.terminate();
      expect(await patient.readResponse()).toMatchObject({ status: 204, headers: { connection: 'close' } });
      expect(report).toMatchObject({ outcome: 'clean', requests: { inFlightAtStart: 1, answered: 1, cutCount: 0 } });
      expect(report.totalMs).toBeLessThan(SOON_MS);
      expect(messages.listenerCount('message')).toBe(0);
    });
  });
});

describe.concurrent('a CONNECT tunnel', () => {
  it('can be ended in order when the service drains', async () => {
    const behind = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end('bye'));
    });
    await once(behind.listen(0), 'listening');
    const target = (behind.address() as AddressInfo).port;
    try {
      await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
        const { server, open } = await serve();
        // #region tunnel
        server.on('connect', (_request, client, head) => {
          const upstream = connect(target, '127.0.0.1', () => {
            client.write('HTTP/1.1 200 Connected\r\n\r\n');
            upstream.write(head);
          });
          upstream.on('error', () => client.destroy()).pipe(client);
          client.on('error', () => upstream.destroy()).pipe(upstream);
          // Whoever is behind it hears that nothing more comes, says the last word, and ends the tunnel.
          const { drainSignal } = lifecycle;
          const onDrain = (): unknown => upstream.end();
          drainSignal.addEventListener('abort', onDrain);
          client.once('close', () => drainSignal.removeEventListener('abort', onDrain));
        });
        // #endregion
        const socket = await open();
        socket.write(head('CONNECT', 'other.example:443'));
        await until(() => socket.unread().endsWith('\r\n\r\n'), 'the tunnel is open');
        socket.write('hello');
        await until(() => socket.unread().endsWith('hello'), 'the echo');
        const report = await lifecycle.terminate();
        expect(await socket.closedByPeer).toBe('fin');
        expect(socket.unread()).toMatch(/hellobye$/);
        expect(report).toMatchObject({
          outcome: 'clean',
          connections: { atStart: { upgraded: 1 }, forced: 0 },
        });
        expect(report.totalMs).toBeLessThan(SOON_MS);
      });
    } finally {
      behind.close();
    }
  });
});
