import { showDuration } from '../duration.ts';
import type { CaseResult } from '../result.ts';
import { type Paint, padded } from './terminal-text.ts';

const BLOCKS = ' ▁▂▃▄▅▆▇█';

/** Requests in one column. */
interface Column {
  others: number;
  pod: number;
  late: number;
  lost: number;
}

/** One line for each kind of traffic, one column for each stretch of time, at most `width` columns. */
export function terminalChart(
  { traffic: { buckets, bucketMs }, pods }: CaseResult,
  width: number,
  paint: Paint,
): string[] {
  const perColumn = Math.max(1, Math.ceil(buckets.length / width));
  const columns: Column[] = [];
  for (let from = 0; from < buckets.length; from += perColumn) {
    const sum = { others: 0, pod: 0, late: 0, lost: 0 };
    for (const bucket of buckets.slice(from, from + perColumn)) {
      sum.others += bucket.others;
      sum.pod += bucket.before;
      sum.late += bucket.late;
      sum.lost += bucket.lost;
    }
    columns.push(sum);
  }
  const highest = Math.max(1, ...columns.map(({ others, pod, late }) => Math.max(others, pod, late)));
  const row = (label: string, value: (column: Column) => number): string => {
    const blocks = columns.map((column) => {
      const height = value(column);
      return BLOCKS.charAt(height === 0 ? 0 : Math.max(1, Math.round((height / highest) * (BLOCKS.length - 1))));
    });
    return `  ${padded(label)}${blocks.join('')}`.trimEnd();
  };
  const lost = columns.map((column) => (column.lost > 0 ? '×' : ' ')).join('');
  const began = pods[0]?.beganAtMs ?? 0;
  const columnMs = bucketMs * perColumn;
  return [
    paint(`  each column ${showDuration(columnMs)}, highest ${highest} requests`, 'dim'),
    row('others', ({ others }) => others),
    row(pods.length === 1 ? (pods[0]?.name ?? 'pod') : 'stopped', ({ pod }) => pod),
    paint(
      row('late', ({ late }) => late),
      'yellow',
    ),
    ...(lost.trim() === '' ? [] : [paint(`  ${padded('lost')}${lost}`.trimEnd(), 'red')]),
    paint(`  ${padded('')}${axis(columns.length, columnMs, began)}`, 'dim'),
  ];
}

/** `┴` where the stop begins, and the seconds after it. */
function axis(columns: number, columnMs: number, beganAtMs: number): string {
  const marks = Array<string>(columns).fill('─');
  const zero = Math.floor(beganAtMs / columnMs);
  const stepMs = [1_000, 2_000, 5_000, 10_000, 20_000].find((ms) => ms / columnMs >= 8) ?? 60_000;
  for (let atMs = 0; zero + atMs / columnMs < columns; atMs += stepMs) {
    const at = Math.round(zero + atMs / columnMs);
    const label = Array.from(`┴${atMs === 0 ? '0' : showDuration(atMs)}`);
    if (at + label.length <= columns) marks.splice(at, label.length, ...label);
  }
  return marks.join('');
}
