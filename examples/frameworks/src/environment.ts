import { createLifecycle, type Lifecycle } from '@prestop/core';

/** Where the service listens. */
export const port: number = Number(process.env['PORT'] ?? 3000);

/** The same lifecycle for every framework. */
export function exampleLifecycle(): Lifecycle {
  const floor = process.env['FLOOR_MS'];
  return createLifecycle({
    terminationGracePeriodSeconds: Number(process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
    admin: { port: Number(process.env['ADMIN_PORT'] ?? 9090), token: process.env['PRESTOP_TOKEN'] },
    // Without it the floor is that of kube-proxy and ingresses.
    ...(floor === undefined ? {} : { floorMs: Number(floor) }),
  });
}
