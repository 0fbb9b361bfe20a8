import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Which process wrote an entry, precisely enough not to be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  /** Host name; in a container the container's own. */
  readonly node: string;
  readonly pid: number;
  /**
   * The pid namespace (`pid_namespaces(7)`), empty where there is none: two containers of one pod share the host name
   * and not the pids.
   */
  readonly namespace: string;
  /** Boot id and start time in clock ticks after boot (`proc_pid_stat(5)`, field 22); empty outside Linux. */
  readonly started: string;
}

/** `unknown` for a process of another host or another pid namespace, which cannot be looked up from here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** This process. */
export function thisProcess(): ProcessIdentity {
  const boot = orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  return {
    node: hostname(),
    pid: process.pid,
    namespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
    started: orEmpty(() => startOf(readFileSync('/proc/self/stat', 'latin1'), boot).started),
  };
}

export function isSameProcess(left: ProcessIdentity, right: ProcessIdentity): boolean {
  return (
    left.node === right.node &&
    left.pid === right.pid &&
    left.namespace === right.namespace &&
    left.started === right.started
  );
}

/**
 * Whether a process is running, as far as `here`, which is {@link thisProcess}, can know. Host names must be unique among
 * the machines that share the directory.
 */
export async function livenessOf(identity: ProcessIdentity, here: ProcessIdentity): Promise<Liveness> {
  if (identity.node !== here.node || identity.namespace !== here.namespace) return 'unknown';
  if (isSameProcess(identity, here)) return 'alive';
  if (identity.started === '') return answersSignals(identity.pid);
  let stat: string;
  try {
    stat = await readFile(`/proc/${identity.pid}/stat`, 'latin1');
  } catch {
    // No such process, or /proc hides those of other users (hidepid).
    return answersSignals(identity.pid);
  }
  const [boot = ''] = here.started.split(':', 1);
  const { started, state } = startOf(stat, boot);
  // A zombie has a pid and serves nobody.
  return started === identity.started && state !== 'Z' && state !== 'X' ? 'alive' : 'dead';
}

function answersSignals(pid: number): Liveness {
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive';
  }
}

/** The boot id belongs to it: ticks count from boot, and pids begin anew with it. */
function startOf(stat: string, boot: string): { started: string; state: string } {
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[18];
  return { started: ticks === undefined ? '' : `${boot}:${ticks}`, state };
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
