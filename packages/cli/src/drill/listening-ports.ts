import { readdir, readFile, readlink } from 'node:fs/promises';

/** State of a listening socket in `/proc/net/tcp` (proc_pid_net(5), `TCP_LISTEN`). */
const LISTEN = '0A';

/**
 * TCP ports on which the processes of a group listen, in ascending order: where a service is that is not where it should
 * be. Linux only; empty elsewhere, and for what may not be looked at.
 */
export async function listeningPorts(group: number): Promise<number[]> {
  const byInode = await listeners();
  if (byInode.size === 0) return [];
  const ports = new Set<number>();
  for (const pid of await entries('/proc')) {
    if (!/^\d+$/.test(pid) || (await groupOf(pid)) !== group) continue;
    for (const fd of await entries(`/proc/${pid}/fd`)) {
      const socket = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const port = byInode.get(/^socket:\[(\d+)\]$/.exec(socket)?.[1] ?? '');
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].toSorted((left, right) => left - right);
}

/** Port of each listening socket, by inode. */
async function listeners(): Promise<ReadonlyMap<string, number>> {
  const byInode = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await read(table)).split('\n')) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === LISTEN) byInode.set(inode, Number.parseInt(local.split(':')[1] ?? '', 16));
    }
  }
  return byInode;
}

/** The fifth field of `/proc/PID/stat`; the second is a name in parentheses that may have anything in it. */
async function groupOf(pid: string): Promise<number> {
  const stat = await read(`/proc/${pid}/stat`);
  const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(group);
}

const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
const entries = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
