import { createLifecycle } from '@prestop/core';
import { prestop } from '@prestop/express-adapter';
import { file } from '@prestop/registry-adapters/file';
import { adminPort, expressApp, graceSeconds, port, serve } from './common.mjs';

const { REGISTRY_DIR } = process.env;
const lifecycle = createLifecycle({
  terminationGracePeriodSeconds: graceSeconds,
  admin: { port: adminPort },
  ...(REGISTRY_DIR ? { registry: file({ dir: REGISTRY_DIR, name: 'orders', host: '127.0.0.1', port }) } : {}),
});
lifecycle.attach(serve(expressApp(prestop(lifecycle))));
