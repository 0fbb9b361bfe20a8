// A service that is only called, to see what a library costs while nothing is stopped. FRAMEWORK is `express` or `http`,
// LIBRARY one of the names below. Talks to whoever forked it.
import { createServer } from 'node:http';
import express from 'express';
import { order } from './common.mjs';

const { FRAMEWORK = 'express', LIBRARY = 'none' } = process.env;
const body = JSON.stringify(order);

function expressApp(...before) {
  const app = express();
  for (const middleware of before) app.use(middleware);
  app.get('/', (_, response) => response.json(order));
  return app;
}

function plain(_, response) {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const handler = (...before) => (FRAMEWORK === 'express' ? expressApp(...before) : plain);
// A kept-alive connection is not to be opened again while it is measured.
const listen = (app) => {
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0, headersTimeout: 0 }, app);
  return server.listen(0, '127.0.0.1');
};

const LIBRARIES = {
  none: () => listen(handler()),

  middleware: () => listen(handler((_request, _response, next) => next())),

  async loaded() {
    await import('@prestop/core');
    return listen(handler());
  },

  async prestop() {
    const { createLifecycle } = await import('@prestop/core');
    return createLifecycle({ admin: { port: 0 }, logger: false }).attach(listen(handler()));
  },

  async 'prestop-express'() {
    const { createLifecycle } = await import('@prestop/core');
    const { prestop } = await import('@prestop/express-adapter');
    const lifecycle = createLifecycle({ admin: { port: 0 }, logger: false });
    return lifecycle.attach(listen(handler(prestop(lifecycle))));
  },

  async 'http-terminator'() {
    const { createHttpTerminator } = await import('http-terminator');
    const server = listen(handler());
    createHttpTerminator({ server });
    return server;
  },

  async stoppable() {
    const { default: stoppable } = await import('stoppable');
    return stoppable(listen(handler()), 10_000);
  },

  async terminus() {
    const { createTerminus } = await import('@godaddy/terminus');
    const server = listen(handler());
    createTerminus(server, { signals: ['SIGTERM'], healthChecks: { '/healthz': async () => {} } });
    return server;
  },

  async lightship() {
    const { createLightship } = await import('lightship');
    const { createHttpTerminator } = await import('http-terminator');
    const lightship = await createLightship({ detectKubernetes: false, port: 0 });
    const server = listen(handler());
    const terminator = createHttpTerminator({ server });
    lightship.registerShutdownHandler(() => terminator.terminate());
    lightship.signalReady();
    return server;
  },

  async 'http-graceful-shutdown'() {
    const { default: gracefulShutdown } = await import('http-graceful-shutdown');
    const server = listen(handler());
    gracefulShutdown(server);
    return server;
  },

  async 'close-with-grace'() {
    const { default: closeWithGrace } = await import('close-with-grace');
    const server = listen(handler());
    closeWithGrace(async () => new Promise((resolve) => server.close(resolve)));
    return server;
  },
};

const server = await LIBRARIES[LIBRARY]();
if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));

process.on('message', (question) => {
  if (question === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send({ cpuUs: user + system });
  } else if (question === 'memory') {
    for (let times = 0; times < 3; times++) globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send({ heap: heapUsed + external, rss });
  }
});
process.on('disconnect', () => process.exit());
process.send({ port: server.address().port });
