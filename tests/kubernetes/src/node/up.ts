import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCgroups } from './cgroups.ts';
import { output } from './command.ts';
import { importImages, startContainerd } from './containerd.ts';
import { startControlPlane } from './control-plane.ts';
import { startKubelet } from './kubelet.ts';
import { setUpNetwork } from './network.ts';
import { nodeFiles } from './node.ts';

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 100;

/**
 * Starts the node in the namespaces of this process and waits until pods can run: the node is ready, and the first service
 * account is there.
 *
 * @param programs folder of the Kubernetes programs.
 * @param images folder of the images' archives.
 * @returns the kubeconfig.
 */
export async function startNode(programs: string, images: string): Promise<string> {
  const files = nodeFiles();
  createCgroups();
  await setUpNetwork();
  await Promise.all([
    startControlPlane(programs, files),
    startContainerd(files).then(() => importImages(readdirSync(images).map((name) => join(images, name)))),
  ]);
  startKubelet(programs, files);
  const kubectl = (...args: string[]) => output(join(programs, 'kubectl'), ['--kubeconfig', files.kubeconfig, ...args]);
  const until = performance.now() + READY_TIMEOUT_MS;
  const ready = async (): Promise<boolean> => {
    const condition = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
    const status = await kubectl('get', 'nodes', '-o', `jsonpath=${condition}`);
    return status === 'True' && (await kubectl('get', 'serviceaccounts', '-o', 'name')).includes('default');
  };
  while (!(await ready())) {
    if (performance.now() > until) throw new Error(`the node is not ready; the logs of its programs: ${files.logs}`);
    await sleep(POLL_MS);
  }
  return files.kubeconfig;
}
