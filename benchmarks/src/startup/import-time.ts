import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Contestant } from '../contestants.ts';
import { type Estimate, estimate } from '../statistics.ts';

export interface ImportTimeRow {
  readonly contestant: string;
  readonly title: string;
  /** Milliseconds, in a fresh process. */
  readonly ms: Estimate;
}

const FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** How long it takes to import what a service imports of each; one after the other in turn, so that all meet the same machine. */
export function importTimes(
  contestants: readonly Contestant[],
  samples: number,
  onProgress: (line: string) => void,
): ImportTimeRow[] {
  const measured = contestants
    .filter(({ packages }) => packages.length > 0)
    .map((contestant) => ({
      contestant,
      entries: contestant.packages.map(entryOf),
      times: [] as number[],
    }));
  for (let sample = 0; sample < samples; sample++) {
    for (const { entries, times } of measured) times.push(importOnce(entries));
    onProgress(`import time: ${sample + 1} of ${samples}`);
  }
  return measured.map(({ contestant, times }) => ({
    contestant: contestant.id,
    title: contestant.title,
    ms: estimate(times),
  }));
}

/** Packages whose main entry is not what a service imports. */
function entryOf(name: string): string {
  return name === '@prestop/registry-adapters' ? `${name}/file` : name;
}

function importOnce(entries: readonly string[]): number {
  const script = `const from = performance.now(); await Promise.all(${JSON.stringify(entries)}.map((name) => import(name))); process.stdout.write(String(performance.now() - from)); process.exit();`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cannot import ${entries.join(', ')}: ${stderr}`);
  return Number(stdout);
}
