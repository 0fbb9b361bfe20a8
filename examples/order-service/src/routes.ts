import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Express, json, type Request, type Response } from 'express';

const INVOICE_MS = 500;
const ROWS = 20;
const ROW_MS = 20;

/** The order service: a fast route, a slow one, a streamed one and an upload. Knows nothing of shutting down. */
export function orderRoutes(app: Express): void {
  app.get('/orders/:id', (request, response) => {
    response.json({ id: request.params.id, status: 'open' });
  });

  app.get('/orders/:id/invoice', async (request, response) => {
    await pause(INVOICE_MS);
    response.json({ id: request.params.id, total: 42 });
  });

  app.get('/orders', async (_request, response) => {
    response.type('application/x-ndjson');
    for (let id = 1; id <= ROWS; id++) {
      if (!response.write(`${JSON.stringify({ id })}\n`)) await once(response, 'drain');
      await pause(ROW_MS);
    }
    response.end();
  });

  app.post('/orders', json({ limit: '1mb' }), (request, response) => {
    response.status(201).json({ lines: Array.isArray(request.body?.lines) ? request.body.lines.length : 0 });
  });
}

/** Server-sent events without an end, until `signal` says that the service drains. */
export function orderEvents(signalOf: (request: Request) => AbortSignal) {
  return async (request: Request, response: Response): Promise<void> => {
    const signal = signalOf(request);
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    while (!signal.aborted && !response.destroyed) {
      response.write(`data: ${JSON.stringify({ at: Date.now() })}\n\n`);
      await pause(250, undefined, { signal }).catch(() => {});
    }
    // The client comes back after 100 ms, to an instance that stays.
    response.end('retry: 100\n\n');
  };
}
