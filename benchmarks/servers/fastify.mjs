// The best that fastify has: it serves on and says `Connection: close` while `preClose` waits.
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { delay, http2, order, port, rows, slow, tls } from './common.mjs';

const app = fastify({
  return503OnClosing: false,
  forceCloseConnections: 'idle',
  // A connection whose answer began before is only closed when it has been idle for this long; the default is 72 s.
  keepAliveTimeout: 5_000,
  ...(tls ? { https: http2 ? { ...tls, allowHTTP1: true } : tls, http2 } : {}),
});
app.get('/orders/7', async () => order);
app.get('/orders/7/invoice', slow);
app.get('/orders', (_, reply) => reply.send(Readable.from(rows())));
app.addHook('preClose', delay);
process.on('SIGTERM', async () => {
  await app.close();
  process.exit(0);
});
await app.listen({ port, host: '::' });
