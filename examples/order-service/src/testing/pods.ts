import { fileURLToPath } from 'node:url';
import { freePort, type Pod, startService } from '@prestop/testkit';

export interface OrderPodOptions {
  /** The compiled server of an example. */
  readonly server: URL;
  /** Whether the pod has a preStop hook; otherwise SIGTERM comes at once. */
  readonly hook: boolean;
  readonly gracePeriodSeconds: number;
  /** What the manifest would give it: where its registry is. */
  readonly env: Readonly<Record<string, string>>;
}

/** A pod of the order service, as a process of this machine on ports of its own. Resolves when it is registered. */
export async function startOrderPod({ server, hook, gracePeriodSeconds, env }: OrderPodOptions): Promise<Pod> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const service = await startService({
    file: fileURLToPath(server),
    env: {
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      TERMINATION_GRACE_PERIOD_SECONDS: String(gracePeriodSeconds),
      ...env,
    },
  });
  await service.waitForLine(/registered/);
  return { service, target: `127.0.0.1:${port}`, ...(hook ? { hookPort: adminPort } : {}) };
}
