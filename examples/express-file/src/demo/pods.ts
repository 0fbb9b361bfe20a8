import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInstances } from '@prestop/registry-adapters/file';
import type { Pod } from '@prestop/testkit';
import { startOrderPod } from '@prestop-examples/order-service/testing';

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
  const server = new URL(`../../dist/${script}.js`, import.meta.url);
  const env = { REGISTRY_DIR: registryDir };
  return {
    startPod: () => startOrderPod({ server, hook, gracePeriodSeconds, env }),
    discover: async () => (await readInstances(registryDir, 'orders')).map(({ host, port }) => `${host}:${port}`),
    remove: () => rmSync(registryDir, { recursive: true, force: true }),
  };
}
