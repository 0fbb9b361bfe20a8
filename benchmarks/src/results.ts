import type { IdleMemoryRow } from './cost/idle-memory.ts';
import type { RequestPathRow } from './cost/request-path.ts';
import type { Machine } from './machine.ts';
import type { RolloutRow } from './rollout.ts';
import type { ImportTimeRow } from './startup/import-time.ts';
import type { InstallSizeRow } from './startup/install-size.ts';

/** One part of the benchmark, with the machine that it ran on. */
export interface Section<Row> {
  readonly machine: Machine;
  readonly rows: readonly Row[];
  /** The command line, so that it can be run again. */
  readonly command: string;
}

/** All parts that have been run. */
export interface Results {
  readonly rollout?: Section<RolloutRow>;
  readonly requestPath?: Section<RequestPathRow>;
  readonly memory?: Section<IdleMemoryRow>;
  readonly imports?: Section<ImportTimeRow>;
  readonly install?: Section<InstallSizeRow>;
}

/** One row a line: the results lie in the repository, and a difference between two runs is to be read. */
export function serialized(results: Results): string {
  const parts = (Object.entries(results) as [string, Section<unknown>][]).map(([part, { rows, ...about }]) => {
    const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n');
    return `${JSON.stringify(part)}: {\n ${JSON.stringify(about).slice(1, -1)},\n "rows": [\n${lines}\n ]\n}`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

/** In the order in which they came. */
export function grouped<Row, Key>(rows: readonly Row[], key: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

/** `4.2` */
export function seconds(ms: number): string {
  return Number.isFinite(ms) ? (ms / 1000).toFixed(1) : '-';
}

/** `+2.1 %` of a ratio. */
export function percent(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(1)} %`;
}
