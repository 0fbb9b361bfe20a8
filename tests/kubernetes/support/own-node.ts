import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = process.env['PRESTOP_TEST_NODE'] ?? '';

/** Whether the cluster is the node that `npm run test:kubernetes` has started, whose programs can be ended from here. */
export const ownNode: boolean = FOLDER !== '';

/** Ends the kubelet as a crash does; the node starts it again half a second later. */
export function restartKubelet(): void {
  process.kill(Number(readFileSync(join(FOLDER, 'logs/kubelet.pid'), 'utf8')), 'SIGKILL');
}

/** Where the kubelet keeps the logs of the containers. */
const POD_LOGS = '/var/log/pods';

/** The log of a pod's only container, which can still be read when the pod is gone. */
export function openLog(namespace: string, pod: string): { read(): readonly string[] } {
  const [folder = ''] = readdirSync(POD_LOGS).filter((name) => name.startsWith(`${namespace}_${pod}_`));
  const [container = ''] = readdirSync(join(POD_LOGS, folder));
  const file = openSync(join(POD_LOGS, folder, container, '0.log'), 'r');
  return {
    read() {
      const text = readFileSync(file, 'utf8');
      closeSync(file);
      return text.trimEnd().split('\n');
    },
  };
}
