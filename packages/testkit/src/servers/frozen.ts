import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 2;

/**
 * Resolves when every thread of a process to which SIGSTOP was sent has stopped. The signal stops one thread after another;
 * on a busy machine a server goes on answering until its last one is reached. Without `/proc` it resolves at once.
 */
export async function untilFrozen(pid: number): Promise<void> {
  while (!(await isFrozen(pid))) await sleep(POLL_MS);
}

async function isFrozen(pid: number): Promise<boolean> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const states = await Promise.all(threads.map((thread) => stateOf(`/proc/${pid}/task/${thread}/stat`)));
    return states.every((state) => state === 'T');
  } catch {
    return true;
  }
}

/** The third field of proc_pid_stat(5); the second, a name in parentheses, may have blanks. */
async function stateOf(path: string): Promise<string | undefined> {
  const stat = await readFile(path, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 1).trim()[0];
}
