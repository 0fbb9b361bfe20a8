// #region thread
import { createServer } from 'node:http';
import { createWorkerLifecycle } from '@prestop/core';

const lifecycle = createWorkerLifecycle();
const server = createServer((_request, response) => response.end('a heavy report\n'));
lifecycle.attach(server.listen(Number(process.env['REPORTS_PORT'] ?? 3001)));
// #endregion
