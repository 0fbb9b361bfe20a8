import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../node/command.ts';
import { put, putLibraries } from './libraries.ts';

/** The official image has it, this busybox has not, and a manifest needs it. */
const INSTALL = '/usr/bin/install';

/**
 * Makes what stands for the official Node image, which no network is needed for: this process' node, the libraries that it
 * loads, and busybox as the shell. User 1000 is "node" there, too.
 */
export async function writeBase(folder: string): Promise<void> {
  put(folder, process.execPath, '/usr/local/bin/node');
  put(folder, INSTALL, INSTALL);
  for (const program of [process.execPath, INSTALL]) await putLibraries(folder, program);
  put(folder, '/bin/busybox', '/bin/busybox');
  for (const applet of (await output('/bin/busybox', ['--list'])).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
  }
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  mkdirSync(join(folder, 'tmp'));
  chmodSync(join(folder, 'tmp'), 0o1777);
}
