import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createLifecycle } from '@prestop/core';
import { prestop } from '@prestop/express-adapter';
import { openRaw } from '@prestop/testkit';
import type { NextFunction, Request, Response } from 'express';
import { describe, expect, it } from 'vitest';
import { get } from '../../core/test/fixtures/messages.ts';
import { VERSIONS } from './fixtures/versions.ts';

const FILE = fileURLToPath(import.meta.url);

/** What handlers of Express do to end a response. */
const WAYS: Readonly<Record<string, (response: Response, next: NextFunction) => unknown>> = {
  send: (response) => response.send('ok'),
  json: (response) => response.json({ ok: true }),
  'set keep-alive': (response) => response.set('Connection', 'keep-alive').send('ok'),
  sendStatus: (response) => response.sendStatus(204),
  redirect: (response) => response.redirect('/elsewhere'),
  sendFile: (response, next) => response.sendFile(FILE, next),
  'a stream': (response) => {
    response.write('a');
    setImmediate(() => response.end('b'));
  },
  writeHead: (response) => response.writeHead(200, { connection: 'keep-alive' }).end('ok'),
  'writeHead, wrapped by another middleware': (response) => {
    // As on-headers does it, for compression and its like.
    const writeHead = response.writeHead;
    response.writeHead = function wrapped(this: Response, status: number, ...rest: unknown[]) {
      this.setHeader('Connection', 'keep-alive');
      return writeHead.call(this, status, ...(rest as [OutgoingHttpHeaders]));
    } as typeof writeHead;
    response.send('ok');
  },
  'an error': (_response, next) => next(new Error('on purpose')),
  'no handler': (_response, next) => next(),
};

describe.each(VERSIONS)('every answer from t0 says Connection: close, on $version', ({ express }) => {
  it.each([
    { place: 'first', mountedFirst: true },
    // The header does not depend on it: the server tells, not the middleware.
    { place: 'last', mountedFirst: false },
  ])('with the middleware mounted $place', async ({ mountedFirst }) => {
    const lifecycle = createLifecycle({
      admin: false,
      signals: [],
      logger: false,
      terminationMessagePath: false,
      exit: () => {},
      terminationGracePeriodSeconds: 120,
      floorMs: 60_000,
    });
    const app = express();
    app.set('env', 'test');
    if (mountedFirst) app.use(prestop(lifecycle));
    for (const [index, way] of Object.values(WAYS).entries()) {
      app.get(`/${index}`, (_request: Request, response: Response, next: NextFunction) => void way(response, next));
    }
    if (!mountedFirst) app.use(prestop(lifecycle));
    app.use(
      (_error: Error, _request: Request, response: Response, _next: NextFunction) =>
        void response.status(500).send('failed'),
    );
    const server = createServer(app).listen(0);
    await once(server, 'listening');
    lifecycle.attach(server);
    try {
      await lifecycle.start();
      const ask = async (index: number): Promise<string | undefined> => {
        const socket = await openRaw((server.address() as AddressInfo).port);
        socket.write(get(`/${index}`));
        const { headers } = await socket.readResponse();
        await socket.close();
        return headers['connection'];
      };
      const names = Object.keys(WAYS);
      for (const [index, name] of names.entries()) expect(await ask(index), `${name}, before t0`).toBe('keep-alive');
      void lifecycle.terminate();
      for (const [index, name] of names.entries()) expect(await ask(index), `${name}, after t0`).toBe('close');
    } finally {
      await lifecycle.stop();
      server.close();
      server.closeAllConnections();
    }
  });
});
