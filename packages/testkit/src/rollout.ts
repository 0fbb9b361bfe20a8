import { type Callers, type CallersOptions, startCallers } from './callers.ts';
import { type PodTimeline, terminatePod } from './kubelet.ts';
import type { Service } from './process.ts';
import type { CallerTally } from './tally.ts';

/** A process that stands for a pod, and is ready. */
export interface Pod {
  readonly service: Service;
  /** Where callers reach it, `host:port`, as discovery lists it. */
  readonly target: string;
  /** Where the kubelet calls the hook; without it the pod has none and SIGTERM comes at once. */
  readonly hookPort?: number;
}

export interface RolloutOptions {
  /** Starts pod number `index`, from 0, and resolves when it is ready. */
  readonly startPod: (index: number) => Promise<Pod>;
  /** Pods before and after. Default 2. */
  readonly replicas?: number;
  readonly gracePeriodSeconds: number;
  /** Who calls meanwhile. */
  readonly callers: CallersOptions;
  /** Requests that must have been answered before the first pod is deleted. Default 200. */
  readonly warmUpAnswers?: number;
  /** Told what happens, in words. */
  readonly onStep?: (step: string, callers: Callers) => void;
}

export interface RolledPod {
  readonly timeline: PodTimeline;
  /** Requests that callers sent to the pod after its deletion. */
  readonly lateRequests: number;
  /** The report that the pod logged as a JSON line with `event: "report"`; absent when it logged none. */
  readonly report?: Readonly<Record<string, unknown>>;
}

export interface RolloutResult {
  readonly tally: CallerTally;
  /** The pods that were deleted, in order. */
  readonly rolled: readonly RolledPod[];
}

/**
 * A rolling update with `maxSurge: 1` and `maxUnavailable: 0`: for each pod a new one is started and ready before the old
 * one is deleted in the kubelet's order, one after another, under the callers' load from before the first to after the
 * last. The new pods are ended afterwards, without a ceremony: the load is over.
 */
export async function rollOut(options: RolloutOptions): Promise<RolloutResult> {
  const { startPod, replicas = 2, gracePeriodSeconds, warmUpAnswers = 200, onStep } = options;
  const pods = await Promise.all(Array.from({ length: replicas }, (_, index) => startPod(index)));
  const callers = startCallers(options.callers);
  const rolled: RolledPod[] = [];
  try {
    await callers.waitForAnswered(warmUpAnswers);
    for (const [index, old] of [...pods.entries()]) {
      pods.push(await startPod(replicas + index));
      onStep?.(`pod ${index + 1} of ${replicas}: deleted`, callers);
      const sentTo = (): number => callers.tally().perTarget[old.target]?.sent ?? 0;
      const sentBefore = sentTo();
      const timeline = await terminatePod(old.service, {
        gracePeriodSeconds,
        ...(old.hookPort === undefined ? {} : { preStop: { port: old.hookPort, path: '/prestop' } }),
      });
      onStep?.(`pod ${index + 1} of ${replicas}: gone after ${Math.round(timeline.totalMs)} ms`, callers);
      const report = reportOf(old.service);
      rolled.push({ timeline, lateRequests: sentTo() - sentBefore, ...(report && { report }) });
    }
    return { tally: await callers.stop(), rolled };
  } finally {
    await callers.stop();
    await Promise.all(pods.map((pod) => pod.service.kill()));
  }
}

/** The last report among a service's log lines. */
export function reportOf(service: Service): Readonly<Record<string, unknown>> | undefined {
  for (const { text } of service.lines.toReversed()) {
    if (!text.includes('"event":"report"')) continue;
    try {
      return JSON.parse(text).report;
    } catch {
      // A line that was cut is not a report.
    }
  }
  return undefined;
}
