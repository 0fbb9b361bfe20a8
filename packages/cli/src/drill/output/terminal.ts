import { showDuration } from '../duration.ts';
import type { DrillReport } from '../report.ts';
import type { CaseResult, Check, PodResult, ServiceResult, Verdict } from '../result.ts';
import { momentsOf, momentTime } from './moments.ts';
import { count, OUTCOME_MARKS, VERDICT_WORDS } from './words.ts';

export interface TerminalOptions {
  readonly colours: boolean;
}

const CHART_WIDTH = 64;
const BLOCKS = ' ▁▂▃▄▅▆▇█';
const LABEL_WIDTH = 10;

type Paint = (text: string, style: 'red' | 'green' | 'yellow' | 'dim' | 'bold') => string;
const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** The result for people, with the timeline drawn in characters. */
export function terminalReport(report: DrillReport, { colours }: TerminalOptions): string {
  const paint: Paint = (text, style) => (colours ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text);
  const lines = report.services.flatMap((service) => [...serviceLines(service, paint), '']);
  if (report.services.length > 1) lines.push(...comparison(report.services, paint), '');
  const { seed, schedule } = report.settings;
  lines.push(paint(`seed ${seed}, schedule ${schedule}, ${showDuration(report.durationMs)}`, 'dim'));
  return `${lines.join('\n')}\n`;
}

function serviceLines(service: ServiceResult, paint: Paint): string[] {
  return [
    '',
    `${paint(service.title, 'bold')}  ${verdict(service.verdict, paint)}`,
    paint(`hook: ${service.hook}`, 'dim'),
    ...service.leftOut.map((request) => paint(`left out: ${request}`, 'dim')),
    ...service.skipped.map(({ case: name, why }) => paint(`skipped: ${name}, ${why}`, 'dim')),
    ...service.cases.flatMap((result) => ['', ...caseLines(result, paint)]),
  ];
}

function caseLines(result: CaseResult, paint: Paint): string[] {
  return [
    `${paint(result.case, 'bold')}: ${result.summary}`,
    '',
    ...chart(result, paint),
    '',
    ...result.pods.flatMap((pod) => momentLines(pod)),
    '',
    ...result.checks.flatMap((check) => checkLines(check, paint)),
    ...lossLines(result, paint),
    `  ${verdict(result.verdict, paint)}`,
  ];
}

/** One line for each kind of traffic, one column for each stretch of time. */
function chart({ traffic: { buckets, bucketMs }, pods }: CaseResult, paint: Paint): string[] {
  const perColumn = Math.max(1, Math.ceil(buckets.length / CHART_WIDTH));
  const columns: { others: number; pod: number; late: number; lost: number }[] = [];
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
  const row = (label: string, value: (column: (typeof columns)[number]) => number): string => {
    const blocks = columns.map((column) => {
      const height = value(column);
      return BLOCKS.charAt(height === 0 ? 0 : Math.max(1, Math.round((height / highest) * (BLOCKS.length - 1))));
    });
    return `  ${label.padEnd(LABEL_WIDTH)}${blocks.join('')}`;
  };
  const lost = columns.map((column) => (column.lost > 0 ? '×' : ' ')).join('');
  const began = pods[0]?.beganAtMs ?? 0;
  return [
    paint(`  ${`each column ${showDuration(bucketMs * perColumn)}, highest ${highest} requests`}`, 'dim'),
    row('others', ({ others }) => others),
    row(pods.length === 1 ? (pods[0]?.name ?? 'pod') : 'stopped', ({ pod }) => pod),
    paint(
      row('late', ({ late }) => late),
      'yellow',
    ),
    ...(lost.trim() === '' ? [] : [paint(`  ${'lost'.padEnd(LABEL_WIDTH)}${lost}`, 'red')]),
    paint(`  ${' '.repeat(LABEL_WIDTH)}${axis(columns.length, bucketMs * perColumn, began)}`, 'dim'),
  ];
}

/** `┴` where the stop begins, and the seconds after it. */
function axis(columns: number, columnMs: number, beganAtMs: number): string {
  const marks = Array<string>(columns).fill('─');
  const zero = Math.floor(beganAtMs / columnMs);
  const stepMs = [1_000, 2_000, 5_000, 10_000, 20_000].find((ms) => ms / columnMs >= 8) ?? 60_000;
  for (let atMs = 0; zero + atMs / columnMs < columns - 4; atMs += stepMs) {
    const at = Math.round(zero + atMs / columnMs);
    const label = atMs === 0 ? '0' : showDuration(atMs);
    marks.splice(at, label.length + 1, ...Array.from(`┴${label}`));
  }
  return marks.join('');
}

function momentLines(pod: PodResult): string[] {
  return momentsOf(pod).map(({ atMs, words }) => `  ${momentTime(atMs).padStart(LABEL_WIDTH)}  ${words}`);
}

function checkLines({ outcome, title, detail, remedy }: Check, paint: Paint): string[] {
  const style = outcome === 'pass' ? 'green' : outcome === 'fail' ? 'red' : 'yellow';
  const lines = [`  ${paint(OUTCOME_MARKS[outcome], style)} ${title}: ${detail}`];
  if (remedy !== undefined) lines.push(paint(`      ${remedy}`, 'dim'));
  return lines;
}

function lossLines({ losses }: CaseResult, paint: Paint): string[] {
  if (losses.length === 0) return [];
  const lines = losses.flatMap(({ count: lost, what, firstMs, lastMs, examples }) => {
    const [example] = examples;
    const when = `${momentTime(firstMs)} to ${momentTime(lastMs)}`;
    const line = `  ${paint(String(lost).padStart(6), 'red')}  ${what} (${when})`;
    if (example === undefined) return [line];
    const { method, path, cause, client, sentMs, requestOnConnection: nth } = example;
    const on = nth === 0 ? 'no connection' : `request ${nth} on its connection`;
    return [line, paint(`          ${method} ${path} at ${momentTime(sentMs)}: ${cause} (${client}, ${on})`, 'dim')];
  });
  return ['', '  Lost requests:', ...lines, ''];
}

function verdict(given: Verdict, paint: Paint): string {
  return paint(VERDICT_WORDS[given], given === 'passed' ? 'green' : given === 'failed' ? 'red' : 'yellow');
}

function comparison(services: readonly ServiceResult[], paint: Paint): string[] {
  const width = Math.max(...services.map(({ title }) => title.length), 8);
  const cells = (texts: readonly string[]): string => texts.map((text) => text.padStart(10)).join('');
  const lines = [paint(`${''.padEnd(width + 18)}${cells(['requests', 'late', 'lost', 'to exit'])}`, 'dim')];
  for (const service of services) {
    for (const { case: name, tally, pods } of service.cases) {
      const late = pods.reduce((sum, pod) => sum + pod.late.count, 0);
      const exitMs = Math.max(...pods.map(({ timeline }) => timeline.exitedAtMs ?? 0));
      const texts = [count(tally.sent), count(late), count(tally.lostCount), exitMs === 0 ? '-' : showDuration(exitMs)];
      lines.push(`${service.title.padEnd(width)}  ${name.padEnd(16)}${cells(texts)}`);
    }
  }
  return lines;
}
