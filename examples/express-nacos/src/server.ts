import { createLifecycle } from '@prestop/core';
import { drainSignal, prestop } from '@prestop/express-adapter';
import { nacos } from '@prestop/registry-adapters/nacos';
import { orderEvents, orderRoutes } from '@prestop-examples/order-service';
import express from 'express';
import { readNacosEnvironment } from './environment.ts';

const { host, port, admin, floorMs, terminationGracePeriodSeconds, ...registry } = readNacosEnvironment();
const { serverList, namespaceId, serviceName, login } = registry;

// #region service
const app = express();
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds, // the same number as in the manifest
  registry: nacos({ serverList, namespaceId, name: serviceName, ip: host, port, ...login }),
  floorMs,
  admin, // its port, and a token where there is one
});
app.use(prestop(lifecycle)); // first
app.get('/orders/events', orderEvents(drainSignal));
orderRoutes(app);
lifecycle.attach(app.listen(port));
// #endregion
