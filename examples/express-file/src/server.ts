import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { file } from '@prestop/registry-adapters/file';
import express from 'express';
import { readEnvironment } from './environment.ts';
import { orderEvents, orderRoutes } from './routes.ts';

const { host, port, adminPort, registryDir, terminationGracePeriodSeconds } = readEnvironment();

// #region service
const app = express();
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds, // the same number as in the manifest
  registry: file({ dir: registryDir, name: 'orders', host, port }),
  admin: { port: adminPort },
});
app.use(prestop(lifecycle)); // first
app.get('/orders/events', orderEvents(drainSignal));
orderRoutes(app);
lifecycle.attach(app.listen(port));
lifecycle.onClose('ledger', async () => {
  console.log('the ledger is closed');
});
// #endregion
