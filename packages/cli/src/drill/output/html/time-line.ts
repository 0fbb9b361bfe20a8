import type { CaseResult, PodResult } from '../../result.ts';
import { type Moment, momentsOf } from '../moments.ts';

/** Load that is shown before the stop, in milliseconds. */
const SHOWN_BEFORE_MS = 1_200;
const SHOWN_AFTER_MS = 200;

/** A stretch of time, in milliseconds after the first pod began to be stopped. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A bar of a lane, with its name. */
export interface Bar extends Span {
  readonly label: string;
  readonly kind: 'hook' | 'after-signal' | 'phase';
}

/** A moment on the time line of the whole case. */
export type Mark = Moment & { readonly pod: string };

/** A column of the picture. */
export interface Column extends Span {
  readonly others: number;
  readonly before: number;
  readonly late: number;
  readonly lost: number;
}

/** Everything in one case that has a time, on one clock. */
export interface TimeLine {
  readonly span: Span;
  readonly columns: readonly Column[];
  readonly kubelet: readonly Bar[];
  /** Empty for a service that reports no phases. */
  readonly phases: readonly Bar[];
  readonly marks: readonly Mark[];
}

export function timeLineOf(result: CaseResult): TimeLine {
  const { traffic, pods } = result;
  const origin = pods[0]?.beganAtMs ?? 0;
  const columns = traffic.buckets
    .map(({ atMs, ...counts }) => ({ fromMs: atMs - origin, toMs: atMs - origin + traffic.bucketMs, ...counts }))
    .filter(({ toMs }) => toMs > -SHOWN_BEFORE_MS);
  const offset = (pod: PodResult): number => pod.beganAtMs - origin;
  const marks = pods.flatMap((pod) => momentsOf(pod).map((moment) => shifted(moment, offset(pod), pod.name)));
  const ends = [...columns.map(({ toMs }) => toMs), ...marks.map(({ atMs }) => atMs + SHOWN_AFTER_MS)];
  return {
    span: { fromMs: columns[0]?.fromMs ?? -SHOWN_BEFORE_MS, toMs: Math.max(1_000, ...ends) },
    columns,
    kubelet: pods.flatMap((pod) => kubeletBars(pod, offset(pod))),
    phases: pods.flatMap((pod) =>
      pod.phases
        .filter(({ fromMs, toMs }) => toMs > fromMs)
        .map(({ phase, fromMs, toMs }) => bar('phase', phase, fromMs + offset(pod), toMs + offset(pod))),
    ),
    marks,
  };
}

function kubeletBars({ timeline, stopSignal = 'SIGTERM' }: PodResult, offset: number): Bar[] {
  const { hooks, sigtermAtMs, exitedAtMs } = timeline;
  const bars: Bar[] = [];
  const hookEnds = hooks.map(({ endedAtMs }) => endedAtMs ?? exitedAtMs ?? 0);
  const hookEnd = Math.min(Math.max(0, ...hookEnds), sigtermAtMs ?? Number.POSITIVE_INFINITY);
  if (hooks.length > 0) bars.push(bar('hook', 'preStop hook', offset, offset + hookEnd));
  if (sigtermAtMs !== undefined && exitedAtMs !== undefined) {
    bars.push(bar('after-signal', `after ${stopSignal}`, offset + sigtermAtMs, offset + exitedAtMs));
  }
  return bars;
}

function bar(kind: Bar['kind'], label: string, fromMs: number, toMs: number): Bar {
  return { kind, label, fromMs, toMs };
}

function shifted(moment: Moment, by: number, pod: string): Mark {
  return { ...moment, atMs: moment.atMs + by, pod };
}

/** One time scale for pictures that are looked at together. */
export function spanOf(lines: readonly TimeLine[]): Span {
  return {
    fromMs: Math.min(...lines.map(({ span }) => span.fromMs)),
    toMs: Math.max(...lines.map(({ span }) => span.toMs)),
  };
}

/** The highest column, in requests a second. */
export function peakOf(lines: readonly TimeLine[]): number {
  const rates = lines.flatMap(({ columns }) => columns.map(rateOf));
  return Math.max(1, ...rates);
}

export function rateOf({ others, before, late, lost, fromMs, toMs }: Column): number {
  return ((others + before + late + lost) / (toMs - fromMs)) * 1000;
}
