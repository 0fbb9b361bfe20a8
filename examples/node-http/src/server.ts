// #region service
import { createServer } from 'node:http';
import { createLifecycle } from '@prestop/core';

const lifecycle = createLifecycle({
  terminationGracePeriodSeconds: Number(process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
  admin: { port: Number(process.env['ADMIN_PORT'] ?? 9090), token: process.env['PRESTOP_TOKEN'] },
});

const server = createServer((_request, response) => response.end('hello\n'));
lifecycle.attach(server.listen(Number(process.env['PORT'] ?? 3000)));

lifecycle.onClose('pool', async () => console.log('the pool is closed'));
lifecycle.onClose('telemetry', async () => console.log('telemetry is flushed'), { after: ['pool'] });
// #endregion
