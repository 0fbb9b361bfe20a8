import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { untilFrozen } from '../src/servers/frozen.ts';

/** Threads that are never in a system call, so that a signal reaches them when the scheduler looks. */
const BUSY = `
const { Worker } = require('node:worker_threads');
for (let i = 0; i < 8; i++) new Worker('for (;;);', { eval: true });
console.log('busy');
for (;;);
`;

test.runIf(process.platform === 'linux')('a frozen process has no thread that runs', async () => {
  const child = spawn(process.execPath, ['-e', BUSY], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  for (let round = 0; round < 20; round++) {
    child.kill('SIGSTOP');
    await untilFrozen(child.pid as number);
    expect(states(child.pid as number)).toEqual(new Set(['T']));
    child.kill('SIGCONT');
  }
});

function states(pid: number): Set<string | undefined> {
  const threads = readdirSync(`/proc/${pid}/task`);
  return new Set(
    threads.map((thread) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))?.[1]),
  );
}
