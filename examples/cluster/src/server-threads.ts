// #region primary
import { createServer } from 'node:http';
import { Worker } from 'node:worker_threads';
import { createLifecycle, superviseWorkers } from '@prestop/core';

const lifecycle = createLifecycle({
  terminationGracePeriodSeconds: Number(process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
  admin: { port: Number(process.env['ADMIN_PORT'] ?? 9090), token: process.env['PRESTOP_TOKEN'] },
});
const server = createServer((_request, response) => response.end('hello\n'));
lifecycle.attach(server.listen(Number(process.env['PORT'] ?? 3000)));

const workers = superviseWorkers(lifecycle);
workers.add(new Worker(new URL('./server-thread.js', import.meta.url)));
// #endregion
