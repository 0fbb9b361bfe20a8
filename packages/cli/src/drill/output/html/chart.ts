import { showDuration } from '../../duration.ts';
import type { CaseResult } from '../../result.ts';
import { momentTime } from '../moments.ts';
import { count, counted } from '../words.ts';
import { html, type Markup } from './escape.ts';
import type { Bar, Column, Mark, Span, TimeLine } from './time-line.ts';

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 12;
const LANE = 18;
const GAP = 6;
const PLOT = 190;
const LOST_LANE = 20;
const AXIS = 30;
const LABEL_ROW = 15;
/** Width of a letter of the labels, about; enough to keep them apart. */
const LETTER = 6.4;

export interface ChartOptions {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What the picture covers, so that two can be compared. */
  readonly span: Span;
  /** Requests a second at the top. */
  readonly peak: number;
}

/** The time line of a case as a picture: lanes for kubelet and phases, requests over time, lost ones, markers. */
export function chart(result: CaseResult, line: TimeLine, options: ChartOptions): Markup {
  const { id, title, span } = options;
  const x = (ms: number): number =>
    round(LEFT + ((ms - span.fromMs) / (span.toMs - span.fromMs)) * (WIDTH - LEFT - RIGHT));
  const labels = placeLabels(line.marks, x);
  const rows = 1 + Math.max(0, ...labels.map(({ row }) => row));
  const kubeletTop = rows * LABEL_ROW + GAP;
  const phasesTop = kubeletTop + LANE + GAP;
  const plotTop = line.phases.length > 0 ? phasesTop + LANE + GAP : phasesTop;
  const lostTop = plotTop + PLOT + GAP;
  const bottom = lostTop + LOST_LANE;
  const peak = niceCeiling(options.peak);
  const y = (rate: number): number => round(plotTop + PLOT - (rate / peak) * PLOT);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom + AXIS}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${describe(result)}</desc>
<defs><pattern id="${id}-late" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="late"/><rect width="2" height="6" class="hatch"/></pattern></defs>
${grid(peak, y)}
${lane('kubelet', line.kubelet, kubeletTop, x)}
${line.phases.length > 0 ? lane('phases', line.phases, phasesTop, x) : undefined}
${series(line.columns, id, x, y)}
${lostLane(line.columns, lostTop, x)}
${line.marks.map((mark) => markLine(mark, x(mark.atMs), bottom, labels))}
${labels.map(({ mark, atX, row, anchor }) => html`<text class="mark-label ${mark.kind}" x="${atX}" y="${(row + 1) * LABEL_ROW - 4}" text-anchor="${anchor}">${mark.label}</text>`)}
${timeAxis(span, bottom, x)}
${line.columns.map((column) => hover(column, plotTop, bottom, x))}
</svg>`;
}

function describe({ tally, pods, losses }: CaseResult): string {
  const late = pods.reduce((sum, pod) => sum + pod.late.count, 0);
  const ends = pods.map((pod) =>
    pod.timeline.exitedAtMs === undefined
      ? `${pod.name} went on`
      : `${pod.name} ended after ${showDuration(pod.timeline.exitedAtMs)}`,
  );
  const lost = losses.map((loss) => `${count(loss.count)} lost because ${loss.what}`);
  return `${[
    `Requests over time, from before the stop to after the last caller has learned of it: ${counted(tally.sent, 'request')}, ${count(late)} of them late, ${count(tally.lostCount)} lost`,
    ...ends,
    ...lost,
  ].join('; ')}. The same as numbers is below.`;
}

function lane(name: string, bars: readonly Bar[], top: number, x: (ms: number) => number): Markup {
  return html`<text class="lane-name" x="${LEFT - 8}" y="${top + 13}" text-anchor="end">${name}</text>${bars.map(
    (bar, index) => {
      const from = x(bar.fromMs);
      const width = Math.max(1, round(x(bar.toMs) - from));
      const fits = bar.label.length * LETTER + 8 < width;
      return html`<g><title>${bar.label}: ${showDuration(bar.toMs - bar.fromMs)}</title><rect class="bar ${bar.kind} ${index % 2 === 0 ? 'even' : 'odd'}" x="${from}" y="${top}" width="${width}" height="${LANE}"/>${fits ? html`<text class="bar-label" x="${from + 5}" y="${top + 13}">${bar.label}</text>` : undefined}</g>`;
    },
  )}`;
}

/** One path for each kind of traffic, stacked: staying pods, the pod before, late, lost. */
function series(
  columns: readonly Column[],
  id: string,
  x: (ms: number) => number,
  y: (rate: number) => number,
): Markup {
  const kinds = ['others', 'before', 'late', 'lost'] as const;
  const paths = new Map<(typeof kinds)[number], string[]>(kinds.map((kind) => [kind, []]));
  for (const column of columns) {
    const seconds = (column.toMs - column.fromMs) / 1000;
    let below = 0;
    for (const kind of kinds) {
      if (column[kind] === 0) continue;
      const above = below + column[kind] / seconds;
      const [left, right] = [x(column.fromMs), x(column.toMs)];
      paths.get(kind)?.push(`M${left} ${y(below)}V${y(above)}H${right}V${y(below)}Z`);
      below = above;
    }
  }
  return html`${kinds.map((kind) => {
    const fill = kind === 'late' ? html` style="fill:url(#${id}-late)"` : undefined;
    return html`<path class="${kind}"${fill} d="${(paths.get(kind) ?? []).join('')}"/>`;
  })}`;
}

/** A cross for each column in which something was lost, so that a single one cannot be overlooked. */
function lostLane(columns: readonly Column[], top: number, x: (ms: number) => number): Markup {
  const crosses = columns
    .filter(({ lost }) => lost > 0)
    .map(({ fromMs, toMs }) => {
      const middle = round((x(fromMs) + x(toMs)) / 2);
      const [left, right, above, below] = [middle - 3, middle + 3, top + 7, top + 13];
      return `M${left} ${above}L${right} ${below}M${left} ${below}L${right} ${above}`;
    });
  return html`<text class="lane-name" x="${LEFT - 8}" y="${top + 14}" text-anchor="end">lost</text><path class="cross" d="${crosses.join('')}"/>`;
}

interface PlacedLabel {
  readonly mark: Mark;
  readonly atX: number;
  readonly row: number;
  readonly anchor: 'start' | 'end';
}

/** Labels that do not cover each other: each in the lowest row in which it has room; the same word at the same place once. */
function placeLabels(marks: readonly Mark[], x: (ms: number) => number): PlacedLabel[] {
  const rowEnds: number[] = [];
  const placed: PlacedLabel[] = [];
  for (const mark of marks.toSorted((left, right) => left.atMs - right.atMs)) {
    const at = x(mark.atMs);
    const length = mark.label.length * LETTER;
    const anchor = at + length > WIDTH ? 'end' : 'start';
    const from = anchor === 'start' ? at : at - length;
    let row = rowEnds.findIndex((end) => end < from);
    if (row === -1) row = rowEnds.push(0) - 1;
    rowEnds[row] = from + length + 8;
    placed.push({ mark, atX: anchor === 'start' ? at + 3 : at - 3, row, anchor });
  }
  return placed;
}

function markLine(mark: Mark, at: number, bottom: number, labels: readonly PlacedLabel[]): Markup {
  const row = labels.find((label) => label.mark === mark)?.row ?? 0;
  return html`<g><title>${mark.pod}, ${momentTime(mark.atMs)}: ${mark.words}</title><line class="mark ${mark.kind}" x1="${at}" x2="${at}" y1="${row * LABEL_ROW + 3}" y2="${bottom}"/></g>`;
}

function grid(peak: number, y: (rate: number) => number): Markup {
  const steps = [0, 0.5, 1].map((part) => part * peak);
  return html`${steps.map(
    (rate) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(rate)}" y2="${y(rate)}"/><text class="tick" x="${LEFT - 8}" y="${y(rate) + 4}" text-anchor="end">${rate === peak ? `${count(rate)}/s` : count(rate)}</text>`,
  )}`;
}

function timeAxis(span: Span, top: number, x: (ms: number) => number): Markup {
  const length = span.toMs - span.fromMs;
  const stepMs = [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000].find((ms) => length / ms <= 12) ?? 60_000;
  const ticks: number[] = [];
  for (let ms = Math.ceil(span.fromMs / stepMs) * stepMs; ms <= span.toMs; ms += stepMs) ticks.push(ms);
  return html`<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${top}" y2="${top}"/>${ticks.map(
    (ms) =>
      html`<line class="axis" x1="${x(ms)}" x2="${x(ms)}" y1="${top}" y2="${top + 5}"/><text class="tick" x="${x(ms)}" y="${top + 19}" text-anchor="middle">${tickLabel(ms)}</text>`,
  )}`;
}

function tickLabel(ms: number): string {
  if (ms === 0) return '0';
  return `${ms < 0 ? '−' : ''}${Number((Math.abs(ms) / 1000).toFixed(1))} s`;
}

function hover(column: Column, top: number, bottom: number, x: (ms: number) => number): Markup {
  const { others, before, late, lost, fromMs, toMs } = column;
  if (others + before + late + lost === 0) return html``;
  const width = round(x(toMs) - x(fromMs));
  return html`<rect class="hover" x="${x(fromMs)}" y="${top}" width="${width}" height="${bottom - top}"><title>${momentTime(fromMs)}, ${showDuration(toMs - fromMs)} long: ${others + before} answered, ${late} late and answered, ${lost} lost</title></rect>`;
}

/** 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= value) ?? 10 * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
