import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { consul } from '@prestop/registry-adapters/consul';
import { orderEvents, orderRoutes } from '@prestop-examples/order-service';
import express from 'express';
import { readConsulEnvironment } from './environment.ts';

const { host, port, admin, serviceName, floorMs, terminationGracePeriodSeconds } = readConsulEnvironment();

// #region service
const app = express();
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds, // the same number as in the manifest
  registry: consul({ name: serviceName, address: host, port, env: process.env }), // CONSUL_HTTP_ADDR: the node's agent
  floorMs,
  admin, // its port, and a token where there is one
});
app.use(prestop(lifecycle)); // first
app.get('/orders/events', orderEvents(drainSignal));
orderRoutes(app);
lifecycle.attach(app.listen(port));
// #endregion
