import { file } from '@prestop/registry-adapters/file';
import { orderRoutes } from '@prestop-examples/order-service';
import express from 'express';
import { readFileEnvironment } from './environment.ts';

/**
 * The same service the way it is usually written: it deregisters on SIGTERM, stops accepting, and exits when the
 * connections have ended. The demo runs it beside the other one to show what that loses.
 */
const { host, port, registryDir } = readFileEnvironment();

const registry = file({ dir: registryDir, name: 'orders', host, port });
const app = express();
orderRoutes(app);
const server = app.listen(port, async () => {
  await registry.register({ signal: new AbortController().signal });
  console.log('registered');
});

process.on('SIGTERM', async () => {
  await registry.deregister({ signal: new AbortController().signal });
  server.close(() => process.exit(0));
});
