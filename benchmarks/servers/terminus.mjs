import { createTerminus } from '@godaddy/terminus';
import { delay, delayMs, expressApp, serve } from './common.mjs';

const server = serve(expressApp());
createTerminus(server, {
  signals: ['SIGTERM'],
  healthChecks: { '/healthz': async () => {} },
  timeout: 10_000,
  useExit0: true,
  ...(delayMs > 0 ? { beforeShutdown: delay } : {}),
});
