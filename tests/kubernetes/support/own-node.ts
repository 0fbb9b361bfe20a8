import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = process.env['PRESTOP_TEST_NODE'] ?? '';

/** Whether the cluster is the node that `npm run test:kubernetes` has started, whose programs can be ended from here. */
export const ownNode: boolean = FOLDER !== '';

/** Ends the kubelet as a crash does; the node starts it again half a second later. */
export function restartKubelet(): void {
  process.kill(Number(readFileSync(join(FOLDER, 'logs/kubelet.pid'), 'utf8')), 'SIGKILL');
}
