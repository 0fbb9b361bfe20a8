import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { file } from '@prestop/registry-adapters/file';
import express from 'express';
import { readEnvironment } from './environment.ts';
import { orderEvents, orderRoutes } from './routes.ts';

const { port, adminPort, registryDir, terminationGracePeriodSeconds } = readEnvironment();

const app = express();
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds,
  registry: file({ dir: registryDir, name: 'orders', host: '127.0.0.1', port }),
  admin: { port: adminPort },
});
app.use(prestop(lifecycle));
app.get('/orders/events', orderEvents(drainSignal));
orderRoutes(app);
lifecycle.attach(app.listen(port));
lifecycle.onClose('ledger', async () => {
  console.log('the ledger is closed');
});
