import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The one node that a machine can have here. All its files are in this folder; a fixed name, so that a run that was killed
 * is found by the next one.
 */
export const NODE_FOLDER: string = join(tmpdir(), 'prestop-kubernetes');

/** All its cgroups are below this name. */
export const CGROUP = 'prestop-kubernetes';

export const NODE_NAME = 'node';
/** Its address is that of the bridge, where the kubelet's calls to the pods come from. */
export const NODE_IP = '10.244.0.1';
export const POD_SUBNET = '10.244.0.0/24';
export const SERVICE_SUBNET = '10.96.0.0/16';

/** Folders of the machine that the node has for itself: what containerd, kubelet and CNI write there stays in its folder. */
export const PRIVATE_FOLDERS: readonly string[] = ['/run', '/var/lib', '/var/log'];

/** Where a program of the node finds its things. */
export interface NodeFiles {
  /** Configuration of every program. */
  readonly config: string;
  /** One log a program. */
  readonly logs: string;
  readonly kubeconfig: string;
}

export function nodeFiles(): NodeFiles {
  const files = {
    config: join(NODE_FOLDER, 'config'),
    logs: join(NODE_FOLDER, 'logs'),
    kubeconfig: join(NODE_FOLDER, 'kubeconfig'),
  };
  for (const folder of [files.config, files.logs]) mkdirSync(folder, { recursive: true });
  return files;
}
