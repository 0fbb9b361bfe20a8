import type { CallerTally, PodTimeline } from '@prestop/testkit';
import type { Loss } from '../../../src/drill/recorder.ts';
import type { DrillReport } from '../../../src/drill/report.ts';
import type { CaseResult, PodResult, ServiceResult } from '../../../src/drill/result.ts';

export const TARGET = '127.0.0.1:4001';
/** When the pod began to be stopped, in milliseconds since the callers started. */
export const BEGAN = 2_000;

export function loss(more: Partial<Loss> & { readonly sentMs?: number } = {}): Loss {
  const { sentMs = 500, ...rest } = more;
  return {
    caller: 0,
    client: 'node',
    target: TARGET,
    method: 'GET',
    path: '/',
    atMs: BEGAN + sentMs,
    afterMs: 1,
    reusedSocket: true,
    requestOnConnection: 3,
    cause: 'ECONNRESET',
    ...rest,
  };
}

export function timeline(more: Partial<PodTimeline> = {}): PodTimeline {
  const hook = { startedAtMs: 0, endedAtMs: 3_000, status: 200 };
  return {
    deletedAtMs: 100_000,
    hook,
    hooks: [hook],
    sigtermAtMs: 3_001,
    exitedAtMs: 3_100,
    exit: { code: 0, signal: null },
    killed: false,
    totalMs: 3_100,
    ...more,
  };
}

export function pod(more: Partial<PodResult> = {}): PodResult {
  return {
    name: 'pod-1',
    target: TARGET,
    beganAtMs: BEGAN,
    timeline: timeline(),
    lastMomentMs: 30_000,
    delistedMs: 12,
    late: { count: 120, lost: 0, lastAfterMs: 1_940 },
    phases: [],
    ...more,
  };
}

export function tally(more: Partial<CallerTally> = {}): CallerTally {
  return {
    startedAtMs: 98_000,
    elapsedMs: 5_500,
    sent: 1_765,
    answered: 1_765,
    lostCount: 0,
    lost: [],
    causes: {},
    statuses: { 200: 1_765 },
    latencyMs: { p50: 1, p99: 9, max: 20 },
    perTarget: {},
    starved: 0,
    discoveryFailures: 0,
    ...more,
  };
}

export function caseResult(more: Partial<CaseResult> = {}): CaseResult {
  const buckets = Array.from({ length: 110 }, (_, index) => {
    const atMs = index * 50;
    const late = atMs >= BEGAN && atMs < BEGAN + 2_000;
    return { atMs, others: atMs < BEGAN ? 6 : 12, before: atMs < BEGAN ? 6 : 0, late: late ? 3 : 0, lost: 0 };
  });
  return {
    case: 'rolling',
    summary: 'the pod is deleted',
    verdict: 'passed',
    schedule: 'e02266b294443420',
    checks: [
      { id: 'answered', title: 'every request was answered', outcome: 'pass', detail: '0 lost of 1765 requests' },
      {
        id: 'exit-code',
        title: 'the process ended with exit code 0',
        outcome: 'warn',
        detail: 'code 3',
        remedy: 'why?',
      },
    ],
    pods: [pod()],
    faults: [],
    losses: [],
    tally: tally(),
    traffic: { bucketMs: 50, buckets },
    ...more,
  };
}

/** A case with losses of two kinds, phases, faults and a kill. */
export function failedCase(): CaseResult {
  const base = caseResult();
  return caseResult({
    verdict: 'failed',
    checks: [
      {
        id: 'answered',
        title: 'every request was answered',
        outcome: 'fail',
        detail: '31 lost of 1765 requests: the listener was closed',
        remedy: 'keep listening',
      },
      { id: 'in-time', title: 'in time', outcome: 'fail', detail: 'SIGKILL after 4 s', remedy: 'finish sooner' },
      { id: 'tested', title: 'callers put it to the test', outcome: 'pass', detail: '120 late requests' },
    ],
    pods: [
      pod({
        timeline: timeline({ killed: true, exit: { code: null, signal: 'SIGKILL' } }),
        phases: [
          { phase: 'deregistering', fromMs: 0, toMs: 200 },
          { phase: 'lame-duck', fromMs: 200, toMs: 3_000 },
        ],
      }),
    ],
    faults: [
      {
        name: 'half-head',
        pod: 'pod-1',
        outcomes: [
          { atMs: 200, ok: true, detail: 'answered 200' },
          { atMs: 800, ok: false, detail: 'ECONNRESET' },
        ],
      },
    ],
    losses: [
      {
        kind: 'listener-closed',
        count: 30,
        what: 'the listener was closed while callers still connected',
        remedy: 'keep listening',
        firstMs: 9,
        lastMs: 1_972,
        examples: [
          {
            method: 'GET',
            path: '/orders/7?q=<script>alert("x")</script>&a',
            client: 'new-connection',
            cause: 'ECONNREFUSED',
            sentMs: 9.28,
            lostMs: 9.7,
            requestOnConnection: 0,
          },
        ],
      },
      {
        kind: 'kept-alive-closed',
        count: 1,
        what: 'a kept-alive connection was closed under a request',
        remedy: 'answer with Connection: close',
        firstMs: 700,
        lastMs: 700,
        examples: [],
      },
    ],
    tally: tally({ answered: 1_734, lostCount: 31 }),
    traffic: {
      bucketMs: 50,
      buckets: base.traffic.buckets.map((bucket) => ({ ...bucket, lost: bucket.late > 0 ? 1 : 0 })),
    },
  });
}

export function service(title: string, cases: readonly CaseResult[]): ServiceResult {
  const failed = cases.some(({ verdict }) => verdict === 'failed');
  return { title, verdict: failed ? 'failed' : 'passed', hook: 'GET /prestop', leftOut: [], skipped: [], cases };
}

export function report(...services: readonly ServiceResult[]): DrillReport {
  return {
    version: 1,
    toolVersion: '1.2.3',
    startedAt: '2026-11-21T07:36:17.123Z',
    durationMs: 9_400,
    machine: { node: 'v20.19.0', platform: 'linux', arch: 'x64', cpus: 2 },
    settings: {
      seed: 1,
      schedule: 'e02266b294443420',
      graceSeconds: 30,
      replicas: 1,
      callers: 30,
      thinkMs: 40,
      clients: ['node', 'undici', 'new-connection'],
      lag: 'up to 2 s late',
      requests: [{ request: 'GET /', weight: 1 }],
      cases: ['rolling'],
      faults: [],
      discovery: 'endpoints',
    },
    verdict: services[0]?.verdict ?? 'passed',
    services,
  };
}
