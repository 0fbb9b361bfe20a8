// What all contestants share: the routes, the port, TLS when it is asked for, and the delay that some of them wait by
// themselves before they stop. Each file beside this one is a service as the library's own documentation writes it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createSecureServer as createSecureHttp2Server } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';

const { PORT = '3000', ADMIN_PORT = '9090', DELAY_MS = '0', TLS_KEY, TLS_CERT, HTTP2 } = process.env;

export const port = Number(PORT);
export const adminPort = Number(ADMIN_PORT);
export const graceSeconds = Number(process.env.TERMINATION_GRACE_PERIOD_SECONDS ?? 30);
/** Undefined: plain HTTP. */
export const tls = TLS_KEY && TLS_CERT ? { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) } : undefined;

/** HTTP/2 over TLS, with HTTP/1.1 beside it. */
export const http2 = HTTP2 === '1';

/** The library's own pause before it stops, where it has one. */
export const delayMs = Number(DELAY_MS);
export const delay = () => pause(delayMs);

const SLOW_MS = 300;
const ROWS = 10;
const ROW_MS = 30;

export const order = { id: 7, status: 'open', lines: [1, 2, 3] };
export const slow = () => pause(SLOW_MS, order);

export async function* rows() {
  for (let id = 1; id <= ROWS; id++) {
    yield `${JSON.stringify({ id })}\n`;
    await pause(ROW_MS);
  }
}

/** The service on Express; `before` are the middlewares of the library. */
export function expressApp(...before) {
  const app = express();
  for (const middleware of before) app.use(middleware);
  app.get('/orders/7', (_, response) => response.json(order));
  app.get('/orders/7/invoice', async (_, response) => response.json(await slow()));
  app.get('/orders', async (_, response) => {
    for await (const row of rows()) response.write(row);
    response.end();
  });
  return app;
}

/** What `app.listen()` gives, over TLS too; over HTTP/2, which Express cannot, the same routes without it. */
export function serve(app) {
  return serverFor(app).listen(port);
}

function serverFor(app) {
  if (tls === undefined) return createServer(app);
  return http2 ? createSecureHttp2Server({ ...tls, allowHTTP1: true }, plainRoutes) : createSecureServer(tls, app);
}

async function plainRoutes(request, response) {
  response.setHeader('content-type', 'application/json');
  switch (request.url) {
    case '/orders/7':
      return response.end(JSON.stringify(order));
    case '/orders/7/invoice':
      return response.end(JSON.stringify(await slow()));
    case '/orders':
      for await (const row of rows()) response.write(row);
      return response.end();
    default:
      response.statusCode = 404;
      return response.end();
  }
}
