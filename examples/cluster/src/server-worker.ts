// #region worker
import { createServer } from 'node:http';
import { createWorkerLifecycle } from '@prestop/core';

const lifecycle = createWorkerLifecycle();
const server = createServer((_request, response) => response.end(`hello from ${process.pid}\n`));
lifecycle.attach(server.listen(Number(process.env['PORT'] ?? 3000)));
lifecycle.onClose('pool', () => console.log(`the pool of ${process.pid} is closed`));
// #endregion
