import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { exampleLifecycle, port } from './environment.ts';

const lifecycle = exampleLifecycle();
const app = new Hono();
app.get('/hello', (context) => context.json({ framework: 'hono' }));
app.get('/slow', async (context) => {
  await pause(300);
  return context.json({ framework: 'hono' });
});
// Without options of its own, node-server makes a server of node:http.
lifecycle.attach(serve({ fetch: app.fetch, port }) as Server);
