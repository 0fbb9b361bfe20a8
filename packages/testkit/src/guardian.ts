import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Kills what is left of its list when its standard input ends. The pipe ends however the parent dies, SIGKILL included,
 * which no handler inside the parent could see.
 */
const GUARDIAN = `
const pids = new Set();
let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    if (line[0] === '+') pids.add(Number(line.slice(1)));
    else pids.delete(Number(line.slice(1)));
  }
});
const end = () => {
  for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch {}
  process.exit();
};
process.stdin.on('end', end).on('error', end);
`;

// One for the whole process on purpose: it stands for the life of this process, not for any one service.
let guardian: ChildProcess | undefined;

/** Makes sure that the process `pid`, or the group `-pid`, does not survive this one, however this one ends. */
export function guard(pid: number): void {
  guardian ??= startGuardian();
  guardian.stdin?.write(`+${pid}\n`);
}

/** It has ended; its number may soon belong to someone else. */
export function unguard(pid: number): void {
  guardian?.stdin?.write(`-${pid}\n`);
}

function startGuardian(): ChildProcess {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  const child = spawn(process.execPath, ['-e', GUARDIAN], {
    // A session of its own: Ctrl-C in a terminal goes to the whole foreground group.
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  });
  // A worker of a test runner outlives a runner that is killed, and only its channel tells it.
  const orphaned = () => void child.stdin.end();
  process.once('disconnect', orphaned);
  const forget = () => {
    process.off('disconnect', orphaned);
    if (guardian === child) guardian = undefined;
  };
  child.on('error', forget).on('exit', forget);
  child.stdin.on('error', forget);
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return child;
}
