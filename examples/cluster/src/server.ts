// #region primary
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { createLifecycle, superviseWorkers } from '@prestop/core';

const lifecycle = createLifecycle({
  terminationGracePeriodSeconds: Number(process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
  admin: { port: Number(process.env['ADMIN_PORT'] ?? 9090), token: process.env['PRESTOP_TOKEN'] },
});
superviseWorkers(lifecycle, cluster);

cluster.setupPrimary({ exec: fileURLToPath(new URL('./server-worker.js', import.meta.url)) });
for (let count = 0; count < Number(process.env['WORKERS'] ?? 2); count++) cluster.fork();
cluster.on('exit', () => {
  if (lifecycle.phase === 'ready') cluster.fork();
});
// #endregion
