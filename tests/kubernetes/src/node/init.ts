/**
 * The first process of the node's namespaces: `node init.js <programs> <images> <command…>`. It starts the node, runs the
 * command with `PRESTOP_TEST_KUBECONFIG`, and exits with its code; the kernel then ends everything else in here. It also
 * exits when its standard input ends, which it does however the process at the other end dies.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './command.ts';
import { NODE_FOLDER, PRIVATE_FOLDERS } from './node.ts';
import { startNode } from './up.ts';

const STOPPED = 143;

const [programs = '', images = '', command = '', ...args] = process.argv.slice(2);
if (process.pid !== 1) throw new Error('this is the first process of a node, in namespaces of its own');

process.stdin.resume().once('end', () => process.exit(STOPPED));
// The kernel gives a first process no default action.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(STOPPED));

for (const folder of PRIVATE_FOLDERS) {
  const own = join(NODE_FOLDER, folder);
  mkdirSync(own, { recursive: true });
  await output('mount', ['--bind', own, folder]);
}
const started = performance.now();
const kubeconfig = await startNode(programs, images);
console.log(`the node is ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);

const temporary = join(NODE_FOLDER, 'tmp');
mkdirSync(temporary);
const env = {
  ...process.env,
  PRESTOP_TEST_KUBECONFIG: kubeconfig,
  PATH: `${programs}:${process.env['PATH']}`,
  // Files there are named after process ids, which mean something else outside.
  TMPDIR: temporary,
  PRESTOP_TEST_NODE: NODE_FOLDER,
};
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
const [code] = await once(child, 'exit');
process.exit(code ?? 1);
