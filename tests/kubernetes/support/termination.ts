import type { History } from './history.ts';
import type { ContainerState, Pod } from './objects.ts';
import { explainPod } from './prestop-report.ts';

/** What a termination report says, as far as the cases look at it. */
export interface Report {
  readonly outcome: string;
  readonly exitCode: number;
  readonly totalMs: number;
  readonly trigger: { readonly kind: string };
  readonly joined: readonly { readonly kind: string; readonly detail?: string; readonly atMs: number }[];
  readonly registries: readonly { readonly outcome: string }[];
  readonly requests: { readonly late: { readonly count: number }; readonly cutCount: number };
}

/** How one pod went, in milliseconds since its deletion was seen. */
export interface Termination {
  readonly pod: string;
  /** When its endpoint was seen to be no longer ready. */
  readonly notReadyMs: number | undefined;
  /** When the service said that its termination began. */
  readonly beganMs: number | undefined;
  /** When its container was seen to have ended. */
  readonly endedMs: number;
  readonly exitCode: number | undefined;
  readonly report: Report | undefined;
  /** Reasons of the kubelet's warnings, each once. */
  readonly warnings: readonly string[];
  /** What `prestop report` finds wrong with it. */
  readonly complaints: readonly string[];
}

/** Reads how a pod went; it is gone. */
export function terminationOf(history: History, pod: string): Termination {
  const deleted = history.firstPod(pod, ({ metadata }) => metadata.deletionTimestamp !== undefined);
  const ended = history.firstPod(pod, (object, { type }) => type === 'DELETED' || endOf(object) !== undefined);
  if (deleted === undefined || ended === undefined) throw new Error(`${pod} was not seen to go`);
  const since = (atMs: number | undefined): number | undefined =>
    atMs === undefined ? undefined : Math.round(atMs - deleted.atMs);
  const notReady = history.endpoints.find(({ object }) =>
    object.endpoints?.some(({ targetRef, conditions }) => targetRef?.name === pod && conditions.terminating === true),
  );
  return {
    pod,
    notReadyMs: since(notReady?.atMs),
    beganMs: since(history.said(pod).find(({ text }) => text.includes('"event":"terminating"'))?.atMs),
    endedMs: since(ended.atMs) ?? 0,
    exitCode: endOf(ended.object)?.exitCode,
    report: reportsOf(history, pod).at(-1),
    warnings: history.warnings(pod),
    complaints: explainPod(history, pod).complaints,
  };
}

function endOf({ status }: Pod): ContainerState['terminated'] {
  return status.containerStatuses?.[0]?.state.terminated;
}

/** The reports of a pod's containers, oldest first: a restart in place ends one and begins another. */
export function reportsOf(history: History, pod: string): readonly Report[] {
  return reportsIn(history.said(pod).map(({ text }) => text));
}

/** The reports in a log; the file of a container has the time and the stream before each line. */
export function reportsIn(lines: readonly string[]): readonly Report[] {
  return lines
    .filter((text) => text.includes('"event":"report"'))
    .map((text) => (JSON.parse(text.slice(text.indexOf('{'))) as { readonly report: Report }).report);
}
