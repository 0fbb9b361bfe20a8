import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeCgroups } from './cgroups.ts';
import { NODE_FOLDER } from './node.ts';

const TRIES = 50;
const PAUSE_MS = 100;

/** Who clears up; gone with the folder. */
const KEEPER_FILE = join(NODE_FOLDER, 'keeper.pid');

/**
 * Takes the node for this process, and removes what a run that was killed has left of it.
 *
 * @throws Error when another run has it now.
 */
export async function claimNode(): Promise<void> {
  const owner = existsSync(KEEPER_FILE) ? readFileSync(KEEPER_FILE, 'utf8') : '';
  const commandLine = `/proc/${owner}/cmdline`;
  // A number alone says little: it may belong to another process by now.
  const runs = owner !== '' && existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes('keeper.js');
  if (runs) throw new Error(`process ${owner} runs a node already; a machine has one at a time`);
  await removeRemains();
  mkdirSync(NODE_FOLDER);
  writeFileSync(KEEPER_FILE, String(process.pid));
}

/**
 * Removes what outlives the node's namespaces: its folder and its cgroups. Processes, mounts, the network and its rules
 * have gone with them.
 *
 * @throws Error when something is still in use after five seconds.
 */
export async function removeRemains(): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      removeCgroups();
      rmSync(NODE_FOLDER, { recursive: true, force: true });
      return;
    } catch (error) {
      // The kernel frees the namespaces of a process a moment after its end.
      if (tried === TRIES) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
