import { createLifecycle, type Lifecycle } from '@prestop/core';

/** Where the service listens. */
export const port: number = Number(process.env['PORT'] ?? 3000);

/** The same lifecycle for every framework; a floor of a second, since the callers of these examples are that stale. */
export function exampleLifecycle(): Lifecycle {
  return createLifecycle({
    terminationGracePeriodSeconds: Number(process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
    floorMs: 1_000,
    admin: { port: Number(process.env['ADMIN_PORT'] ?? 9090) },
  });
}
