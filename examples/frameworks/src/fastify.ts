import { setTimeout as pause } from 'node:timers/promises';
import { fastify } from 'fastify';
import { exampleLifecycle, port } from './environment.ts';

const lifecycle = exampleLifecycle();
const app = fastify();
app.get('/hello', async () => ({ framework: 'fastify' }));
app.get('/slow', async () => pause(300, { framework: 'fastify' }));

lifecycle.attach(app.server);
// Fastify's own hooks run when nothing is in flight any more; it must not close the server on a signal by itself.
lifecycle.onClose('fastify', () => app.close());
await app.listen({ port, host: '::' });
