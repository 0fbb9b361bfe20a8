import { once } from 'node:events';
import { createServer, IncomingMessage } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { openRaw } from '@prestop/testkit';
import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { get } from '../../core/test/fixtures/messages.ts';
import { repeatedly, withPod } from '../../core/test/fixtures/pod.ts';
import { until } from '../../core/test/fixtures/until.ts';
import { SERVICE, VERSIONS } from './fixtures/versions.ts';

const REPEATS = 5;
const OPTIONS = { terminationGracePeriodSeconds: 30, floorMs: 0, quiet: { minMs: 100, maxMs: 100 } };

describe.each(VERSIONS)('drainSignal on $version', ({ express, module }) => {
  it('belongs to its request, aborts when the service starts draining, and is aborted for those that come later', async () => {
    const lifecycle = createLifecycle({ admin: false, signals: [], logger: false, exit: () => {}, ...OPTIONS });
    const app = express();
    const seen: { readonly signal: AbortSignal; readonly again: AbortSignal }[] = [];
    const orders = express.Router();
    orders.get('/:id', (request, response) => {
      seen.push({ signal: drainSignal(request), again: drainSignal(request) });
      if (request.params['id'] === 'now') response.end('ok');
    });
    app.use(prestop(lifecycle)).use('/orders', orders);
    const server = createServer(app).listen(0);
    await once(server, 'listening');
    lifecycle.attach(server);
    const { port } = server.address() as AddressInfo;
    try {
      const sockets = [await openRaw(port), await openRaw(port)];
      for (const socket of sockets) socket.write(get('/orders/wait'));
      await until(() => seen.length === 2, 'both are in their handlers');
      const [first, second] = seen;
      expect(first?.signal).toBe(first?.again);
      expect(first?.signal).not.toBe(second?.signal);
      expect(first?.signal).not.toBe(lifecycle.drainSignal);
      expect([first?.signal.aborted, second?.signal.aborted]).toEqual([false, false]);
      void lifecycle.terminate();
      await until(() => lifecycle.phase === 'draining', 'the drain');
      expect([first?.signal.aborted, second?.signal.aborted]).toEqual([true, true]);
      expect(first?.signal.reason).toMatchObject({ name: 'AbortError', message: 'the service is draining' });
      const late = await openRaw(port);
      late.write(get('/orders/now'));
      expect((await late.readResponse()).status).toBe(200);
      expect(seen[2]?.signal.aborted).toBe(true);
    } finally {
      await lifecycle.stop();
      server.close();
      server.closeAllConnections();
    }
  });

  it('ends a stream of events cleanly', async () => {
    await repeatedly(REPEATS, (number) =>
      withPod({ script: SERVICE, options: OPTIONS, env: { EXPRESS: module } }, async (pod) => {
        const socket = await pod.open();
        socket.write(get('/stream'));
        await pod.entered('GET /stream');
        const { ended } = await pod.beginTermination(number % 2 === 0, { gracePeriodSeconds: 30 });
        expect((await socket.readResponse()).body).toMatch(/^(?:data: tick\n\n)+data: bye\n\n$/);
        const { timeline, report, detail } = await ended;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
        expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
      }),
    );
  });

  it('is an error for a request that has not passed the middleware', async () => {
    const lifecycle = createLifecycle({ admin: false, signals: [], logger: false, terminationMessagePath: false });
    const app = express();
    const thrown: unknown[] = [];
    app.get('/before', (request, response) => {
      try {
        drainSignal(request);
      } catch (error) {
        thrown.push(error);
      }
      response.end();
    });
    app.use(prestop(lifecycle));
    const server = createServer(app).listen(0);
    await once(server, 'listening');
    try {
      const socket = await openRaw((server.address() as AddressInfo).port);
      socket.write(get('/before'));
      expect((await socket.readResponse()).status).toBe(200);
      expect(thrown).toMatchObject([
        {
          name: 'LifecycleError',
          code: 'ERR_PRESTOP_OPTION_INVALID',
          option: 'request',
          message: expect.stringContaining('app.use(prestop(lifecycle))'),
        },
      ]);
    } finally {
      await lifecycle.stop();
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('drainSignal', () => {
  it('is an error for a request that Express has never seen', () => {
    const request = new IncomingMessage(new Socket()) as Request;
    expect(() => drainSignal(request)).toThrow(expect.objectContaining({ code: 'ERR_PRESTOP_OPTION_INVALID' }));
  });
});
