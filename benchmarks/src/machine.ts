import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { CONTESTANTS } from './contestants.ts';

/** What the figures depend on. */
export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  /** Versions of all contestants' packages. */
  readonly versions: Readonly<Record<string, string>>;
}

export function machine(): Machine {
  const names = [...new Set(['express', ...CONTESTANTS.flatMap(({ packages }) => packages)])].sort();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${process.platform} ${release().split('-', 1)[0]} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    versions: Object.fromEntries(names.map((name) => [name, versionOf(name)])),
  };
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return String(JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version);
    } catch {
      // Not in this folder.
    }
  }
  return 'not found';
}
