import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contestant } from '../contestants.ts';

export interface InstallSizeRow {
  readonly contestant: string;
  readonly title: string;
  /** Packages that an install brings, its own included. */
  readonly packages: number;
  /** Octets of their files. */
  readonly bytes: number;
}

const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/**
 * What an install of each brings, read from what is installed here: its packages and all they depend on, without peers,
 * which the service has anyway.
 */
export function installSizes(contestants: readonly Contestant[]): InstallSizeRow[] {
  return contestants
    .filter(({ packages }) => packages.length > 0)
    .map(({ id, title, packages }) => {
      const found = new Map<string, number>();
      for (const name of packages) collect(name, FOLDER, found);
      const bytes = [...found.values()].reduce((sum, size) => sum + size, 0);
      return { contestant: id, title, packages: found.size, bytes };
    });
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function collect(name: string, from: string, found: Map<string, number>): void {
  const folder = folderOf(name, from);
  if (folder === undefined || found.has(folder)) return;
  found.set(folder, sizeOf(folder));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    collect(dependency, folder, found);
  }
}

/** Where node would find a package; undefined for an optional one that is not installed. */
function folderOf(name: string, from: string): string | undefined {
  for (let at = realpathSync(from); ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (exists(candidate)) return realpathSync(candidate);
    if (at === dirname(at)) return undefined;
  }
}

function sizeOf(folder: string): number {
  // A package of this workspace has more in its folder than it publishes.
  return folder.includes('node_modules') ? sizeOfFolder(folder) : publishedSize(folder);
}

function sizeOfFolder(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += entry.name === 'node_modules' ? 0 : sizeOfFolder(path);
    else if (entry.isFile()) bytes += statSync(path).size;
  }
  return bytes;
}

function publishedSize(folder: string): number {
  const { stdout, status, stderr } = spawnSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm pack in ${folder}: ${stderr}`);
  const [packed] = JSON.parse(stdout) as { readonly unpackedSize: number }[];
  return packed?.unpackedSize ?? 0;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
