import { type PodTimeline, reportOf } from '@prestop/testkit';
import { type Case, caseNamed } from './cases/case.ts';
import { checksFor, verdictOf } from './checks.ts';
import { diagnose } from './diagnosis.ts';
import { showDuration } from './duration.ts';
import { DrillError, HOOK_HINT } from './errors.ts';
import type { DrillListener } from './events.ts';
import { playableFaults } from './faults/chosen.ts';
import { hookWords } from './hook-words.ts';
import type { Interrupt } from './interrupt.ts';
import { counted } from './output/words.ts';
import { phasesIn } from './phases.ts';
import type { DrillPod } from './pod.ts';
import { type Preflight, preflight } from './requests/preflight.ts';
import { shownPath } from './requests/shown-path.ts';
import type { CaseResult, FaultResult, PodResult } from './result.ts';
import { scheduleDigest } from './schedule.ts';
import type { DrillSettings } from './settings.ts';
import { Stage } from './stage.ts';
import { type StopContext, type StoppedPod, stopPod } from './stop-pod.ts';

/** Answers before anything is stopped, for each caller. */
const WARM_UP_ANSWERS = 3;
/** Besides the longest that a request may take. */
const WARM_UP_TIMEOUT_MS = 30_000;
/** For callers to find a new pod, in milliseconds. */
const SPREAD_MS = 400;
/** Longest time until a pod is back where callers look, in milliseconds. */
const BACK_MS = 40_000;
/** Load on a pod that is back, in milliseconds. */
const AFTERWARDS_MS = 1_000;
/** Load after the last caller has learned, in milliseconds. */
const AFTER_LAST_MS = 300;

/** A case that was run, or that makes no sense for this service. */
export type CaseRun =
  | { readonly result: CaseResult; readonly hook: string; readonly leftOut: readonly string[] }
  | { readonly skipped: string };

const NO_HOOK: CaseRun = { skipped: 'it needs a hook, and the service has none' };

/**
 * Runs one case: pods, load, the stop, and load until the last caller has learned of it.
 *
 * @throws DrillError when there is nothing to see: no pod, one that ends before it is stopped, no request that works,
 * nothing to play what was named with, an interruption.
 */
export async function runCase(
  info: Case,
  settings: DrillSettings,
  emit: DrillListener,
  interrupt: Interrupt,
): Promise<CaseRun> {
  const stage = await Stage.open(settings, info, emit, interrupt);
  try {
    emit({ type: 'case', case: info.name, summary: info.summary });
    const old = await startAll(settings.replicas, stage);
    const [first] = old;
    if (first === undefined) return { skipped: 'there is no pod to stop' };
    const lacksHook = (): boolean => {
      if (first.hook === undefined) checkNamedCases(settings);
      return info.needsHook && first.hook === undefined;
    };
    if (settings.service.hook.kind !== 'auto' && lacksHook()) return NO_HOOK;
    for (const { target } of info.pod === 'deleted' ? old : [first]) stage.recorder.follow(target);
    const { requests, ...failed } = await checkRequests(first, settings, interrupt);
    const playable = playableFaults(settings.faults, requests);
    const leftOut = [...failed.leftOut, ...playable.leftOut];
    for (const request of leftOut) emit({ type: 'left-out', request });
    await warmUp(stage, requests, settings, emit, interrupt);
    await stage.lookAgain(first);
    if (lacksHook()) return NO_HOOK;
    const run = new Run({
      settings: { ...settings, faults: playable.faults },
      case: info,
      stage,
      requests,
      emit,
      interrupt,
    });
    const result = await run.result(old);
    emit({ type: 'case-ended', result });
    return { result, hook: hookWords(info.name === 'signal-only' ? undefined : first.hook), leftOut };
  } catch (error) {
    // What fails because a process is gone says less than that it is.
    if (!(error instanceof DrillError && error.code === 'ERR_PRESTOP_DRILL_INTERRUPTED')) await stage.checkRunning();
    throw error;
  } finally {
    await stage.close();
  }
}

/**
 * What a service without a hook makes impossible; all of them at the first, sooner than after the results of others.
 *
 * @throws DrillError `ERR_PRESTOP_DRILL_HOOK`
 */
function checkNamedCases({ namedCases = [] }: DrillSettings): void {
  const impossible = namedCases.filter((name) => caseNamed(name).needsHook);
  if (impossible.length === 0) return;
  const message = `${impossible.join(' and ')} cannot be played without a hook, and the service has none`;
  throw new DrillError('ERR_PRESTOP_DRILL_HOOK', message, { hint: HOOK_HINT });
}

async function startAll(count: number, stage: Stage): Promise<DrillPod[]> {
  const pods: DrillPod[] = [];
  for (let index = 0; index < count; index++) pods.push(await stage.start());
  return pods;
}

function checkRequests(pod: DrillPod, { load }: DrillSettings, interrupt: Interrupt): Promise<Preflight> {
  const { requests, headers, tls, clients, timeoutMs } = load;
  return interrupt.race(preflight(pod.target, { requests, headers, tls, timeoutMs, client: clients[0] ?? 'node' }));
}

async function warmUp(
  stage: Stage,
  requests: Preflight['requests'],
  { load }: DrillSettings,
  emit: DrillListener,
  interrupt: Interrupt,
): Promise<void> {
  emit({ type: 'warm-up', ms: load.warmUpMs });
  stage.startCalling(requests);
  await interrupt.pause(load.warmUpMs);
  const wanted = load.callers * WARM_UP_ANSWERS;
  const withinMs = WARM_UP_TIMEOUT_MS + load.timeoutMs;
  if (await interrupt.until(() => stage.callers.counters().answered >= wanted, withinMs)) return;
  const { answered } = stage.callers.counters();
  const causes = Object.entries(stage.callers.tally().causes).toSorted(([, left], [, right]) => right - left);
  const why = causes.length === 0 ? '' : `, and ${causes.map(([cause, count]) => `${count} × ${cause}`).join(', ')}`;
  throw new DrillError(
    'ERR_PRESTOP_DRILL_REQUEST',
    `the callers got ${counted(answered, 'answer')} in ${showDuration(withinMs)}${why}, and nothing was deleted yet`,
    {
      hint: 'fewer --callers or a longer --think, if the service limits its callers; a shorter --think, if they hardly call',
    },
  );
}

class Run {
  readonly #context: StopContext;
  readonly #faults: FaultResult[] = [];

  constructor(context: StopContext) {
    this.#context = context;
  }

  async result(old: readonly DrillPod[]): Promise<CaseResult> {
    const { case: info, stage, settings, interrupt } = this.#context;
    // Callers of a pod that stays need another one to go to meanwhile.
    if (info.pod !== 'deleted') await stage.start();
    const starvedBefore = stage.callers.counters().starved;
    const stopped: { readonly pod: DrillPod; readonly make: () => PodResult }[] = [];
    for (const pod of info.pod === 'deleted' ? old : old.slice(0, 1)) {
      if (info.pod === 'deleted') await stage.start();
      await interrupt.pause(SPREAD_MS);
      stopped.push({ pod, make: await this.#stop(pod) });
    }
    await this.#untilAllKnow(stopped.map(({ pod }) => pod));
    const starved = stage.callers.counters().starved - starvedBefore;
    const tally = await stage.stopCalling();
    await stage.checkRunning();
    const pods = stopped.map(({ make }) => make());
    const losses = diagnose(stage.recorder.losses, pods, info.cutsGrace);
    const liveness = stage.liveness.evidence();
    const checks = checksFor({
      case: info,
      pods,
      faults: this.#faults,
      losses,
      tally,
      starved,
      ...(liveness === undefined ? {} : { liveness }),
      graceSeconds: settings.service.graceSeconds,
      maxExitMs: settings.maxExitMs,
      longestLagMs: Math.max(...stage.lagsMs),
    });
    return {
      case: info.name,
      summary: info.summary,
      verdict: verdictOf(checks),
      schedule: scheduleDigest({ ...settings.load, requests: this.#context.requests }, settings.seed),
      checks,
      pods,
      faults: this.#faults,
      losses,
      tally: { ...tally, lost: tally.lost.map((lost) => ({ ...lost, path: shownPath(lost.path) })) },
      traffic: stage.recorder.buckets(),
    };
  }

  /** @returns what makes the result, once all requests are settled. */
  async #stop(pod: DrillPod): Promise<() => PodResult> {
    const { case: info, stage } = this.#context;
    await stage.lookAgain(pod);
    if (info.needsHook && pod.hook === undefined) {
      const message = `${pod.name} has no hook, and others have one`;
      throw new DrillError('ERR_PRESTOP_DRILL_HOOK', message, { hint: HOOK_HINT });
    }
    const stoppedPod = await stopPod(pod, this.#context);
    this.#faults.push(...stoppedPod.faults);
    const back = info.pod === 'deleted' ? {} : await this.#comeBack(pod, stoppedPod);
    return () => this.#podResult(pod, stoppedPod, back);
  }

  async #comeBack(pod: DrillPod, { beganAtMs, timeline }: StoppedPod): Promise<Partial<PodResult>> {
    const { case: info, stage, emit, interrupt } = this.#context;
    const sinceMs = (): number => stage.elapsedMs - beganAtMs;
    const answered = (): number => stage.callers.tally().perTarget[pod.target]?.answered ?? 0;
    if (info.pod === 'restarted') {
      if (timeline.exit === undefined) return {};
      await stage.start(pod);
    } else if (!(await this.#readyWithin(pod))) return {};
    const readyAgainMs = sinceMs();
    if (!(await interrupt.until(() => stage.directory.isListed(pod.target), BACK_MS))) return { readyAgainMs };
    const listedAgainMs = sinceMs();
    stage.recorder.back(pod.target);
    emit({ type: 'back', pod: pod.name, afterMs: listedAgainMs });
    const before = answered();
    await interrupt.pause(AFTERWARDS_MS);
    return { readyAgainMs, listedAgainMs, answeredAfterwards: answered() - before };
  }

  async #readyWithin(pod: DrillPod): Promise<boolean> {
    const { stage, interrupt } = this.#context;
    const probes = stage.probe(pod);
    return interrupt.until(() => probes.readiness.passing, BACK_MS);
  }

  /** Until the most stale caller has learned that the pods are gone, so that what it still sends is seen. */
  async #untilAllKnow(pods: readonly DrillPod[]): Promise<void> {
    const { stage, case: info, interrupt } = this.#context;
    if (info.pod === 'deleted') {
      await interrupt.until(() => pods.every(({ target }) => !stage.directory.isListed(target)), BACK_MS);
      const delisted = pods.map(({ target }) => stage.directory.delistedAtMs(target) ?? performance.now());
      await interrupt.pause(Math.max(...delisted) + Math.max(...stage.lagsMs) - performance.now());
    }
    await interrupt.pause(AFTER_LAST_MS);
  }

  #podResult(pod: DrillPod, stoppedPod: StoppedPod, back: Partial<PodResult>): PodResult {
    const { stage, settings } = this.#context;
    const { stopSignal } = settings.service;
    const { timeline, beganAtMs, lastMomentMs } = stoppedPod;
    const report = reportOf(pod.service);
    const delistedAtMs = stage.directory.delistedAtMs(pod.target);
    return {
      name: pod.name,
      target: pod.target,
      beganAtMs,
      timeline: withoutBodies(timeline),
      ...(lastMomentMs === undefined ? {} : { lastMomentMs }),
      ...(delistedAtMs === undefined ? {} : { delistedMs: delistedAtMs - timeline.deletedAtMs }),
      late: stage.recorder.lateOf(pod.target),
      ...back,
      phases: phasesIn(report, timeline),
      ...(stopSignal === undefined ? {} : { stopSignal }),
      ...(report === undefined ? {} : { report }),
    };
  }
}

/** What a hook answers is nobody's business, and may be anything. */
function withoutBodies(timeline: PodTimeline): PodTimeline {
  const hooks = timeline.hooks.map((record) => {
    const { body: _, ...kept } = record;
    return kept;
  });
  const [hook] = hooks;
  return { ...timeline, hooks, ...(hook === undefined ? {} : { hook }) };
}
