import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './alive.ts';

const NAME = /^prestop-server-(\d+)-/;

/**
 * A new folder for a server's configuration, data and log. Its name holds this process' id, so that the folder of a run
 * that was killed is recognised; such folders are removed now.
 */
export function createServerFolder(): string {
  for (const name of readdirSync(tmpdir())) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) removeServerFolder(join(tmpdir(), name));
  }
  return mkdtempSync(join(tmpdir(), `prestop-server-${process.pid}-`));
}

export function removeServerFolder(folder: string): void {
  // Retries: a server that was killed just now may still be writing.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
