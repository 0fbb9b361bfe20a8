import type { CallerTally, PodTimeline } from '@prestop/testkit';
import type { Case } from './cases/case.ts';
import type { LossCause } from './diagnosis.ts';
import { showDuration } from './duration.ts';
import type { FaultName } from './faults/fault.ts';
import type { LivenessEvidence } from './liveness-watch.ts';
import { counted } from './output/words.ts';
import type { Check, FaultResult, PodResult, Verdict } from './result.ts';

/** What the checks look at. */
export interface Evidence {
  readonly case: Case;
  readonly pods: readonly PodResult[];
  readonly faults: readonly FaultResult[];
  readonly losses: readonly LossCause[];
  readonly tally: CallerTally;
  readonly graceSeconds: number;
  /** Longest time to exit that passes; undefined: SIGKILL decides. */
  readonly maxExitMs: number | undefined;
  /** How often a caller knew no pod since the first began to be stopped. */
  readonly starved: number;
  /** The longest lag of a caller. */
  readonly longestLagMs: number;
  /** Absent where there is no liveness probe. */
  readonly liveness?: LivenessEvidence;
}

/** All that has to hold, in the order in which it is of interest. */
export function checksFor(evidence: Evidence): Check[] {
  return [
    answered(evidence),
    ...faultChecks(evidence),
    ...(evidence.case.pod === 'left-alone' ? [] : [inTime(evidence), ...exitCodeChecks(evidence)]),
    ...hookChecks(evidence),
    ...livenessChecks(evidence),
    ...(evidence.case.pod === 'deleted' ? [] : backChecks(evidence)),
    tested(evidence),
  ];
}

export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ outcome }) => outcome === 'fail')) return 'failed';
  return checks.some(({ id, outcome }) => id === 'tested' && outcome === 'warn') ? 'inconclusive' : 'passed';
}

/** The worst of several. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return (['failed', 'inconclusive'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'passed';
}

function answered({ losses, tally, pods }: Evidence): Check {
  const excused = losses.find(({ kind }) => kind === 'after-the-last-moment')?.count ?? 0;
  const lost = tally.lostCount - excused;
  const late = pods.reduce((sum, pod) => sum + pod.late.count, 0);
  const of = `of ${tally.sent} requests, ${late} of them late`;
  const alsoExcused = excused > 0 ? `; ${excused} more were sent too late for anybody to answer` : '';
  const [worst] = losses.filter(({ kind }) => kind !== 'after-the-last-moment');
  if (lost === 0 || worst === undefined) {
    return {
      id: 'answered',
      title: 'every request was answered',
      outcome: 'pass',
      detail: `0 lost ${of}${alsoExcused}`,
    };
  }
  return {
    id: 'answered',
    title: 'every request was answered',
    outcome: 'fail',
    detail: `${lost} lost ${of}${alsoExcused}: ${worst.what}`,
    remedy: worst.remedy,
  };
}

const FAULT_REMEDIES: Partial<Record<FaultName, string>> = {
  'open-stream': 'end streams in order when the drain begins: nobody else does it',
};

/** One for each fault, whatever the number of pods, as the other checks are. */
function faultChecks({ faults }: Evidence): Check[] {
  const names = new Set(faults.filter(({ outcomes }) => outcomes.length > 0).map(({ name }) => name));
  return [...names].map((name) =>
    faultCheck(
      name,
      faults.filter((fault) => fault.name === name && fault.outcomes.length > 0),
    ),
  );
}

function faultCheck(name: FaultName, onPods: readonly FaultResult[]): Check {
  const check = { id: `fault:${name}`, title: `${name}: answered as it should be` };
  const failed = onPods.filter(({ outcomes }) => outcomes.some(({ ok }) => !ok));
  if (failed.length === 0) return { ...check, outcome: 'pass', detail: onPods.map(outcomeWords).join('; ') };
  return {
    ...check,
    outcome: 'fail',
    detail: failed.map(outcomeWords).join('; '),
    remedy: FAULT_REMEDIES[name] ?? 'a caller that does not know yet has done nothing wrong here: serve it',
  };
}

function outcomeWords({ pod, outcomes }: FaultResult): string {
  const failed = outcomes.filter(({ ok }) => !ok);
  const [example] = failed;
  if (example === undefined) return `${pod}: ${outcomes.length} of ${outcomes.length}`;
  return `${pod}: ${failed.length} of ${outcomes.length} failed, at ${showDuration(example.atMs)}: ${example.detail}`;
}

function inTime({ pods, maxExitMs, graceSeconds }: Evidence): Check {
  const title = 'the process ended by itself, in time';
  const killed = pods.find(({ timeline }) => timeline.killed);
  if (killed !== undefined) {
    return {
      id: 'in-time',
      title,
      outcome: 'fail',
      detail: `${killed.name} was ended by SIGKILL after ${showDuration(killed.timeline.totalMs)}`,
      remedy: `finish within the ${graceSeconds} s of terminationGracePeriodSeconds, or raise it`,
    };
  }
  const slowest = Math.max(...pods.map(({ timeline }) => timeline.exitedAtMs ?? 0));
  if (maxExitMs !== undefined && slowest > maxExitMs) {
    const detail = `${showDuration(slowest)} from deletion to exit; at most ${showDuration(maxExitMs)} were asked for`;
    return { id: 'in-time', title, outcome: 'fail', detail, remedy: 'look at the timeline for what it waited for' };
  }
  return { id: 'in-time', title, outcome: 'pass', detail: `${showDuration(slowest)} from deletion to exit` };
}

function exitCodeChecks({ pods }: Evidence): Check[] {
  // A process that was killed has none, and is a failure already.
  const ended = pods.filter(({ timeline }) => !timeline.killed);
  return ended.length === 0 ? [] : [exitCode(ended)];
}

function exitCode(pods: readonly PodResult[]): Check {
  const title = 'the process ended with exit code 0';
  const odd = pods.find(({ timeline }) => timeline.exit !== undefined && timeline.exit.code !== 0);
  const exit = odd?.timeline.exit;
  if (odd === undefined || exit === undefined) {
    return { id: 'exit-code', title, outcome: 'pass', detail: pods.map(({ name }) => name).join(', ') };
  }
  if (exit.signal === null) {
    return { id: 'exit-code', title, outcome: 'warn', detail: `${odd.name} ended with code ${exit.code}` };
  }
  return {
    id: 'exit-code',
    title,
    outcome: 'warn',
    detail: `${odd.name} was ended by ${exit.signal} itself, not by its own code`,
    remedy:
      'as the first process of a container a program without a handler ignores the signal and is killed at the end of the grace period: handle it',
  };
}

function hookChecks({ pods, case: { name, cutsGrace } }: Evidence): Check[] {
  const hooks = pods.flatMap((pod) => pod.timeline.hooks.map((hook) => ({ pod: pod.name, hook })));
  if (hooks.length === 0) return [];
  const title = 'the preStop hook was answered';
  const overrun = cutsGrace ? undefined : pods.find(({ timeline }) => outlasts(timeline));
  if (overrun !== undefined) {
    return [
      {
        id: 'hook',
        title,
        outcome: 'fail',
        detail: `${overrun.name}: it had not ended after ${showDuration(overrun.timeline.sigtermAtMs ?? 0)}, the grace period; SIGTERM came with 2 s left`,
        remedy: 'a hook has to end within the grace period, and leave some of it for the signal',
      },
    ];
  }
  // The kubelet that dies breaks its own connection, and one that is asked again to delete the pod ends its own sleep.
  const mayCut = name === 'kubelet-restart' || name === 'grace-shortened';
  const failed = hooks.find(({ hook }) => hook.error !== undefined && !(mayCut && hook.error === 'CUT'));
  if (failed !== undefined) {
    return [
      {
        id: 'hook',
        title,
        outcome: 'fail',
        detail: `${failed.pod}: ${failed.hook.error}; the kubelet went on to SIGTERM at once`,
        remedy: 'check port, path and scheme of the hook; a hook that fails gives no time at all',
      },
    ];
  }
  const slowest = Math.max(...pods.map(({ timeline }) => hookMs(timeline)));
  const odd = hooks.find(({ hook }) => hook.status !== undefined && (hook.status < 200 || hook.status > 299));
  if (odd !== undefined) {
    const detail = `${odd.pod}: status ${odd.hook.status}, which the kubelet takes for success`;
    return [{ id: 'hook', title, outcome: 'fail', detail, remedy: 'check path and token of the hook' }];
  }
  return [{ id: 'hook', title, outcome: 'pass', detail: `after ${showDuration(slowest)}` }];
}

/** Whether a hook was still on its way when the kubelet gave it up; one that came after the signal was not given up. */
function outlasts({ hooks, sigtermAtMs = Number.POSITIVE_INFINITY }: PodTimeline): boolean {
  return hooks.some(
    ({ startedAtMs, endedAtMs = Number.POSITIVE_INFINITY }) => startedAtMs < sigtermAtMs && endedAtMs > sigtermAtMs,
  );
}

function hookMs({ hooks }: PodTimeline): number {
  return Math.max(...hooks.map(({ startedAtMs, endedAtMs = startedAtMs }) => endedAtMs - startedAtMs));
}

function livenessChecks({ liveness }: Evidence): Check[] {
  if (liveness === undefined) return [];
  const title = 'the liveness probe was answered';
  const { asked, restarts } = liveness;
  const [restart] = restarts;
  if (restart === undefined) return [{ id: 'liveness', title, outcome: 'pass', detail: counted(asked, 'time') }];
  const { pod, failures, got } = restart;
  return [
    {
      id: 'liveness',
      title,
      outcome: 'fail',
      detail: `${pod}: ${got}, ${failures} times in a row; the kubelet would have restarted it`,
      remedy: 'answer it in every phase: a service that drains is alive',
    },
  ];
}

function backChecks({ pods, case: { pod: fate } }: Evidence): Check[] {
  const title = fate === 'restarted' ? 'the restarted container served again' : 'the service was ready again by itself';
  return pods.map((pod): Check => {
    if (pod.readyAgainMs === undefined) {
      const remedy =
        'the hook also runs when nothing is stopped: become ready and register again when no signal follows';
      return { id: 'back', title, outcome: 'fail', detail: `${pod.name} was not ready again`, remedy };
    }
    if (pod.listedAgainMs === undefined || pod.answeredAfterwards === 0) {
      const remedy = 'register again after a restart in place, under the same address';
      return {
        id: 'back',
        title,
        outcome: 'fail',
        detail: `${pod.name} was ready again, but callers were not told`,
        remedy,
      };
    }
    const detail = `${pod.name} was back after ${showDuration(pod.listedAgainMs)}, and answered ${pod.answeredAfterwards}`;
    return { id: 'back', title, outcome: 'pass', detail };
  });
}

/** Nothing lost proves nothing where nobody called late. */
function tested({ pods, longestLagMs, starved, case: { pod: fate } }: Evidence): Check {
  const title = 'callers put it to the test';
  const late = pods.reduce((sum, pod) => sum + pod.late.count, 0);
  if (fate === 'deleted' && longestLagMs > 0 && late < 10) {
    const detail = `only ${counted(late, 'request')} came after the deletion`;
    return {
      id: 'tested',
      title,
      outcome: 'warn',
      detail,
      remedy: 'more --callers, a shorter --think, a longer --lag',
    };
  }
  if (starved > 0) {
    const detail = `${starved} times a caller knew no pod at all and did not call`;
    return { id: 'tested', title, outcome: 'warn', detail, remedy: 'pods must be listed before others leave' };
  }
  return { id: 'tested', title, outcome: 'pass', detail: `${late} late requests` };
}
