import {
  type Container,
  effectiveGraceSeconds,
  type PodTimeline,
  secondsUntilKill,
  terminatePod,
} from '@prestop/testkit';
import type { Case } from './cases/case.ts';
import { showDuration } from './duration.ts';
import type { DrillListener } from './events.ts';
import { exitWords } from './exit-words.ts';
import type { FaultContext, FaultOutcome, PreparedFault } from './faults/fault.ts';
import { faultNamed } from './faults/index.ts';
import { hookWords } from './hook-words.ts';
import type { Interrupt } from './interrupt.ts';
import type { DrillPod } from './pod.ts';
import { type DrillRequest, headersOf } from './requests/request-line.ts';
import type { FaultResult } from './result.ts';
import type { DrillSettings, FaultSetting } from './settings.ts';
import type { Stage } from './stage.ts';

/** Where in the time of staleness the faults happen. */
const FAULT_TIMES = [0.1, 0.4, 0.7, 0.95] as const;
/** Longest wait for the faults after the process has ended, in milliseconds. */
const LAST_FAULTS_MS = 5_000;

export interface StoppedPod {
  readonly beganAtMs: number;
  readonly timeline: PodTimeline;
  readonly lastMomentMs: number | undefined;
  readonly faults: readonly FaultResult[];
}

/** What {@link stopPod} works with. */
export interface StopContext {
  readonly settings: DrillSettings;
  readonly case: Case;
  readonly stage: Stage;
  readonly requests: readonly DrillRequest[];
  readonly emit: DrillListener;
  readonly interrupt: Interrupt;
}

/**
 * Stops a pod as the case says, with the faults around it; resolves when its process, or with `left-alone` its hook, has ended.
 *
 * @throws DrillError when it had ended before, and for an interruption.
 */
export async function stopPod(pod: DrillPod, context: StopContext): Promise<StoppedPod> {
  const { stage, settings, emit, interrupt } = context;
  const { pod: fate, name } = context.case;
  const { redelivery, ...deletion } = context.case.deletion(settings.service);
  const hook = name === 'signal-only' ? undefined : pod.hook;

  let began: number | undefined;
  const elapsedMs = (): number => (began === undefined ? -1 : performance.now() - began);
  const faults = await interrupt.race(prepareFaults(pod, context, elapsedMs));
  for (const { prepared } of faults) stage.onClose(() => prepared.end());

  // No pause from here to the deletion: what runs here is running then.
  await stage.checkRunning();
  stage.mayEnd(pod);
  began = performance.now();
  const beganAtMs = stage.elapsedMs;
  stage.recorder.stopping(pod.target, beganAtMs);
  if (fate === 'deleted') stage.directory.remove(pod.target);
  emit({ type: 'stopping', pod: pod.name, hook: hookWords(hook) });
  const acting = faults.map(({ setting, prepared }) => act(setting.name, pod.name, prepared));

  const container: Container = {
    exited: pod.service.exited,
    signal: (signal) => {
      const sent = pod.service.signal(signal);
      if (sent) emit({ type: 'signal', pod: pod.name, signal, afterMs: elapsedMs() });
      return sent;
    },
  };
  void pod.service.exited.then((exit) => {
    // A container that is down is not ready, whatever its probe said last.
    if (fate === 'restarted') stage.directory.remove(pod.target);
    if (fate !== 'left-alone') emit({ type: 'exited', pod: pod.name, how: exitWords(exit), afterMs: elapsedMs() });
  });
  const probes = stage.liveness.probesOf(pod);
  const { stopSignal } = settings.service;
  const givenUp = new AbortController();
  stage.onClose(() => givenUp.abort());
  const timeline = await interrupt.race(
    terminatePod(container, {
      ...(stopSignal === undefined ? {} : { stopSignal }),
      ...deletion,
      signal: givenUp.signal,
      ...(probes === undefined ? {} : { probes }),
      ...(redelivery === undefined ? {} : { redelivery }),
      ...(hook === undefined ? {} : { preStop: hook }),
    }),
  );
  const withinMs = LAST_FAULTS_MS + Math.max(...stage.lagsMs);
  const results = await Promise.all(
    faults.map(async ({ setting: { name } }, index): Promise<FaultResult> => {
      const result = await interrupt.atMost(acting[index] ?? Promise.resolve(undefined), withinMs);
      if (result !== undefined) return result;
      // A service that is not stopped ends nothing.
      if (name === 'open-stream' && fate === 'left-alone') return { name, pod: pod.name, outcomes: [] };
      const detail = `not over ${showDuration(withinMs)} after the end`;
      return { name, pod: pod.name, outcomes: [{ atMs: elapsedMs(), ok: false, detail }] };
    }),
  );
  for (const { prepared } of faults) prepared.end();
  const graceSeconds = deletion.graceShortened?.gracePeriodSeconds ?? deletion.gracePeriodSeconds;
  return { beganAtMs, timeline, lastMomentMs: lastMoment(timeline, graceSeconds), faults: results };
}

async function act(name: FaultResult['name'], pod: string, prepared: PreparedFault): Promise<FaultResult> {
  const outcomes = await prepared.act().catch((error: unknown): FaultOutcome[] => {
    return [{ atMs: 0, ok: false, detail: error instanceof Error ? error.message : String(error) }];
  });
  return { name, pod, outcomes };
}

async function prepareFaults(
  pod: DrillPod,
  { settings, stage, requests, interrupt }: StopContext,
  elapsedMs: () => number,
): Promise<{ readonly setting: FaultSetting; readonly prepared: PreparedFault }[]> {
  const longestLagMs = Math.max(...stage.lagsMs);
  const timesMs = longestLagMs === 0 ? [0] : FAULT_TIMES.map((part) => Math.round(part * longestLagMs));
  const until = (atMs: number): Promise<void> => interrupt.pause(atMs - elapsedMs()).catch(() => undefined);
  return Promise.all(
    settings.faults.map(async (setting) => {
      const fault = faultNamed(setting.name);
      const request = setting.request ?? requestFor(fault.request, requests) ?? { ...FALLBACK };
      const context: FaultContext = {
        pod,
        tls: settings.load.tls,
        request: { ...request, headers: headersOf(request, settings.load.headers) },
        timesMs,
        lifeMs: (settings.service.graceSeconds + 2) * 1000,
        registryDir: stage.registryDir,
        elapsedMs,
        pause: (ms) => interrupt.pause(ms).catch(() => undefined),
        until,
      };
      return { setting, prepared: await fault.prepare(context).catch(failedAlready) };
    }),
  );
}

/** One that could not even begin: a protocol that it does not speak, a connection that was refused. */
function failedAlready(error: unknown): PreparedFault {
  const detail = `could not begin: ${error instanceof Error ? error.message : String(error)}`;
  return { act: async () => [{ atMs: 0, ok: false, detail }], end: () => undefined };
}

const FALLBACK: DrillRequest = { method: 'GET', path: '/', headers: {}, weight: 1, origin: 'asked' };

/** The first of the requests that a fault can use. */
export function requestFor(
  needed: 'any' | 'with-body' | 'stream' | 'none',
  requests: readonly DrillRequest[],
): DrillRequest | undefined {
  switch (needed) {
    case 'any':
      return requests.find(({ method }) => method === 'GET') ?? requests[0];
    case 'with-body':
      return requests.find(({ body }) => body !== undefined);
    default:
      return undefined;
  }
}

/** When SIGKILL came or would have come, in milliseconds after the beginning; undefined where no signal was sent. */
function lastMoment({ sigtermAtMs, hooks }: PodTimeline, graceSeconds: number): number | undefined {
  if (sigtermAtMs === undefined) return undefined;
  const grace = effectiveGraceSeconds(graceSeconds);
  const hook = hooks.at(-1);
  const hookMs = hook === undefined ? 0 : Math.min((hook.endedAtMs ?? sigtermAtMs) - hook.startedAtMs, grace * 1000);
  return sigtermAtMs + secondsUntilKill(grace, hookMs) * 1000;
}
