import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { file } from '@prestop/registry-adapters/file';
import { orderEvents, orderRoutes } from '@prestop-examples/order-service';
import express from 'express';
import { readFileEnvironment } from './environment.ts';

const { host, port, admin, registryDir, terminationGracePeriodSeconds } = readFileEnvironment();

// #region service
const app = express();
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds, // the same number as in the manifest
  registry: registryDir ? file({ dir: registryDir, name: 'orders', host, port }) : [],
  admin, // its port, and a token where there is one
});
app.use(prestop(lifecycle)); // first
app.get('/orders/events', orderEvents(drainSignal));
orderRoutes(app);
lifecycle.attach(app.listen(port));
lifecycle.onClose('ledger', async () => {
  console.log('the ledger is closed');
});
// #endregion
