import { showDuration } from '../duration.ts';
import type { DrillReport } from '../report.ts';
import type { CaseResult, Check, PodResult, ServiceResult, Verdict } from '../result.ts';
import { momentsOf, momentTime } from './moments.ts';
import { terminalChart } from './terminal-chart.ts';
import { hanging, LABEL_WIDTH, type Paint, painter, shortened } from './terminal-text.ts';
import { count, OUTCOME_MARKS, VERDICT_WORDS } from './words.ts';

export interface TerminalOptions {
  readonly colours: boolean;
  /** Columns of the terminal. Default: it is none, nothing is wrapped. */
  readonly width?: number;
}

const CHART_WIDTH = { least: 20, usual: 64, most: 120 };

interface Screen {
  readonly paint: Paint;
  readonly chartWidth: number;
  /** Of texts; infinite where there is no terminal. */
  readonly width: number;
}

function screenFor({ colours, width = Number.POSITIVE_INFINITY }: TerminalOptions): Screen {
  const room = Number.isFinite(width) ? width - LABEL_WIDTH - 3 : CHART_WIDTH.usual;
  const chartWidth = Math.min(Math.max(room, CHART_WIDTH.least), CHART_WIDTH.most);
  return { paint: painter(colours), chartWidth, width };
}

/** The result for people, with the timeline drawn in characters. */
export function terminalReport(report: DrillReport, options: TerminalOptions): string {
  const screen = screenFor(options);
  const { paint } = screen;
  const lines = report.services.flatMap((service) => [...serviceLines(service, screen), '']);
  if (report.services.length > 1) lines.push(...comparison(report.services, screen), '');
  const { seed, schedule } = report.settings;
  lines.push(paint(`seed ${seed}, schedule ${schedule}, ${showDuration(report.durationMs)}`, 'dim'));
  return `${lines.join('\n')}\n`;
}

function serviceLines(service: ServiceResult, screen: Screen): string[] {
  const { paint } = screen;
  return [
    '',
    `${paint(service.title, 'bold')}  ${verdict(service.verdict, paint)}`,
    paint(`hook: ${service.hook}`, 'dim'),
    ...service.leftOut.map((request) => paint(`left out: ${request}`, 'dim')),
    ...service.skipped.map(({ case: name, why }) => paint(`skipped: ${name}, ${why}`, 'dim')),
    ...service.cases.flatMap((result) => ['', ...caseLines(result, screen)]),
  ];
}

function caseLines(result: CaseResult, screen: Screen): string[] {
  const { paint, chartWidth } = screen;
  return [
    `${paint(result.case, 'bold')}: ${result.summary}`,
    '',
    ...terminalChart(result, chartWidth, paint),
    '',
    ...result.pods.flatMap((pod) => momentLines(pod, screen)),
    '',
    ...result.checks.flatMap((check) => checkLines(check, screen)),
    ...lossLines(result, screen),
    `  ${verdict(result.verdict, paint)}`,
  ];
}

function momentLines(pod: PodResult, { width }: Screen): string[] {
  return momentsOf(pod).flatMap(({ atMs, words }) => {
    return hanging(`  ${momentTime(atMs).padStart(LABEL_WIDTH)}  `, LABEL_WIDTH + 4, words, width);
  });
}

function checkLines({ outcome, title, detail, remedy }: Check, { paint, width }: Screen): string[] {
  const style = outcome === 'pass' ? 'green' : outcome === 'fail' ? 'red' : 'yellow';
  const lines = hanging(`  ${paint(OUTCOME_MARKS[outcome], style)} `, 4, `${title}: ${detail}`, width);
  return remedy === undefined ? lines : [...lines, ...dimmed(6, remedy, { paint, width })];
}

function lossLines({ losses }: CaseResult, { paint, width }: Screen): string[] {
  if (losses.length === 0) return [];
  const lines = losses.flatMap(({ count: lost, what, firstMs, lastMs, examples }) => {
    const [example] = examples;
    const when = `${momentTime(firstMs)} to ${momentTime(lastMs)}`;
    const line = hanging(`  ${paint(String(lost).padStart(6), 'red')}  `, 10, `${what} (${when})`, width);
    if (example === undefined) return line;
    const { method, path, cause, client, sentMs, requestOnConnection: nth } = example;
    const on = nth === 0 ? 'no connection' : `request ${nth} on its connection`;
    const words = `${method} ${path} at ${momentTime(sentMs)}: ${cause} (${client}, ${on})`;
    return [...line, ...dimmed(10, words, { paint, width })];
  });
  return ['', '  Lost requests:', ...lines, ''];
}

function dimmed(indent: number, text: string, { paint, width }: Pick<Screen, 'paint' | 'width'>): string[] {
  return hanging(' '.repeat(indent), indent, text, width).map((line) => paint(line, 'dim'));
}

function verdict(given: Verdict, paint: Paint): string {
  return paint(VERDICT_WORDS[given], given === 'passed' ? 'green' : given === 'failed' ? 'red' : 'yellow');
}

function comparison(services: readonly ServiceResult[], { paint, width: screenWidth }: Screen): string[] {
  const longest = Math.max(...services.map(({ title }) => title.length), 8);
  const width = Math.max(Math.min(longest, screenWidth - 58), 8);
  const cells = (texts: readonly string[]): string => texts.map((text) => text.padStart(10)).join('');
  const lines = [paint(`${''.padEnd(width + 18)}${cells(['requests', 'late', 'lost', 'to exit'])}`, 'dim')];
  for (const service of services) {
    for (const { case: name, tally, pods } of service.cases) {
      const late = pods.reduce((sum, pod) => sum + pod.late.count, 0);
      const exitMs = Math.max(...pods.map(({ timeline }) => timeline.exitedAtMs ?? 0));
      const texts = [count(tally.sent), count(late), count(tally.lostCount), exitMs === 0 ? '-' : showDuration(exitMs)];
      lines.push(`${shortened(service.title, width).padEnd(width)}  ${name.padEnd(16)}${cells(texts)}`);
    }
  }
  return lines;
}
