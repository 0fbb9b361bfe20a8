import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './alive.ts';

/** The holder touches its lock this often, in milliseconds. */
const TOUCH_MS = 2_000;
/** A lock that was not touched for so long is stale, whatever its process id says: another container may have left it. */
const STALE_MS = 30_000;
const POLL_MS = 200;

/**
 * Runs `work` while holding the lock `file`, which names the holder's process id. A holder that died is recognised and
 * its lock taken over.
 *
 * The lock saves work and is not a guarantee: two waiters that find the same dead holder in the same instant may both
 * go on, so `work` must be harmless when done twice.
 *
 * @param waiting told the holder's process id each time the lock is found held.
 */
export async function withLock<Result>(
  file: string,
  waiting: (pid: number) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  while (!(await tryLock(file))) {
    const state = await stateOf(file);
    if (state === 'stale') await rm(file, { force: true });
    if (typeof state === 'number') {
      waiting(state);
      await sleep(POLL_MS);
    }
  }
  const touch = setInterval(() => {
    const now = new Date();
    // A lock that was taken over meanwhile is no reason to stop: see above.
    utimes(file, now, now).catch(() => undefined);
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await rm(file, { force: true });
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The id of the process that holds the lock, or what else is the matter with it. */
async function stateOf(file: string): Promise<number | 'stale' | 'released'> {
  try {
    const idleMs = Date.now() - (await stat(file)).mtimeMs;
    const pid = Number(await readFile(file, 'utf8'));
    return isAlive(pid) && idleMs < STALE_MS ? pid : 'stale';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'released';
    throw error;
  }
}
