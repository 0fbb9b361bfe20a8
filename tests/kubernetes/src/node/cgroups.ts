import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CGROUP } from './node.ts';

const MOUNT = '/sys/fs/cgroup';

/** The group of all the node's pods, in every hierarchy; the kubelet wants it to be there. */
export function createCgroups(): void {
  for (const root of hierarchies()) {
    const group = join(root, CGROUP);
    mkdirSync(group, { recursive: true });
    // An empty set of processors lets nobody in.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (root.endsWith('cpuset')) writeFileSync(join(group, file), readFileSync(join(root, file)));
    }
  }
  if (isUnified()) delegate();
}

/** Removes them; their processes have ended. */
export function removeCgroups(): void {
  for (const root of hierarchies()) removeGroup(join(root, CGROUP));
}

function isUnified(): boolean {
  return existsSync(join(MOUNT, 'cgroup.controllers'));
}

/** cgroup v2 has one hierarchy, v1 one for each controller. */
function hierarchies(): readonly string[] {
  if (isUnified()) return [MOUNT];
  return readdirSync(MOUNT)
    .map((name) => join(MOUNT, name))
    .filter((root) => existsSync(join(root, 'cgroup.procs')));
}

function delegate(): void {
  const controllers = readFileSync(join(MOUNT, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const enable = controllers.map((name) => `+${name}`).join(' ');
  for (const group of [MOUNT, join(MOUNT, CGROUP)]) writeFileSync(join(group, 'cgroup.subtree_control'), enable);
}

function removeGroup(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  }
  rmdirSync(group);
}
