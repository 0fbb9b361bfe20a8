import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readInstances } from '@prestop/registry-adapters/file';
import { freePort, type Pod, startService } from '@prestop/testkit';

export interface PodSet {
  readonly startPod: () => Promise<Pod>;
  /** What the registry lists now, as `host:port`. */
  readonly discover: () => Promise<readonly string[]>;
  /** Takes the registry's directory away. */
  readonly remove: () => void;
}

export interface PodSetOptions {
  /** Which of the two servers. Default `server`. */
  readonly script?: 'server' | 'server-without-prestop';
  /** Whether the pods have a preStop hook; otherwise SIGTERM comes at once. */
  readonly hook: boolean;
  readonly gracePeriodSeconds: number;
}

/** Pods of this example, as processes of this machine that share a registry directory. */
export function orderPods({ script = 'server', hook, gracePeriodSeconds }: PodSetOptions): PodSet {
  const registryDir = mkdtempSync(join(tmpdir(), 'prestop-orders-'));
  return {
    async startPod() {
      const [port, adminPort] = [await freePort(), await freePort()];
      const service = await startService({
        file: fileURLToPath(new URL(`../../dist/${script}.js`, import.meta.url)),
        env: {
          PORT: String(port),
          ADMIN_PORT: String(adminPort),
          REGISTRY_DIR: registryDir,
          TERMINATION_GRACE_PERIOD_SECONDS: String(gracePeriodSeconds),
        },
      });
      await service.waitForLine(/registered/);
      return { service, target: `127.0.0.1:${port}`, ...(hook ? { hookPort: adminPort } : {}) };
    },
    discover: async () => (await readInstances(registryDir, 'orders')).map(({ host, port }) => `${host}:${port}`),
    remove: () => rmSync(registryDir, { recursive: true, force: true }),
  };
}
