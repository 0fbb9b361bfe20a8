/**
 * `node keeper.js <programs> <images> <command…>`: runs the command beside a node (init.ts) in namespaces of their own, and
 * clears up after it. Both end when standard input does; this process lives on for the clearing up, however the one that
 * started it died.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { claimNode, removeRemains } from './remains.ts';

const UNSHARE = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child', '--mount-proc'];

await claimNode();
const init = fileURLToPath(new URL('init.js', import.meta.url));
const child = spawn('unshare', [...UNSHARE, process.execPath, init, ...process.argv.slice(2)], { stdio: 'inherit' });
// With it ends everything in the namespaces (--kill-child).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGKILL'));
const [code] = await once(child, 'exit');
await removeRemains();
process.exitCode = code ?? 1;
