import { setTimeout as sleep } from 'node:timers/promises';
import { HOOK_EXIT, type HookExitCode } from '../exit-codes.ts';
import { count } from '../words.ts';
import { type Answer, ask, type Call } from './call.ts';

/** What `prestop hook poststart` does when the wait ends while the service is not ready yet. */
export const ON_TIMEOUT = ['pass', 'fail'] as const;

export type OnTimeout = (typeof ON_TIMEOUT)[number];

/** Seconds that `poststart` waits when nothing else is said. */
export const POSTSTART_TIMEOUT_SECONDS = 60;

export interface HookOptions {
  /** The service's admin port on this machine. */
  readonly port: number;
  readonly token?: string | undefined;
  /**
   * Milliseconds. For `prestop` the default is to wait for the answer, however long: the service keeps its own deadline
   * and the kubelet the grace period. For `poststart` it is 60,000.
   */
  readonly timeoutMs?: number | undefined;
}

export interface PoststartOptions extends HookOptions {
  /**
   * `pass`: the container goes on. Its startup probe judges one that does not listen, its readiness probe keeps callers
   * away from one that is not ready, and a registry that is down does not end in a restart loop. `fail`: the hook fails,
   * and the kubelet restarts the container.
   * @default 'pass'
   */
  readonly onTimeout?: OnTimeout | undefined;
}

export interface HookResult {
  readonly exitCode: HookExitCode;
  /** The report, or the answer; empty where there was none. */
  readonly output: string;
  /** One line for people. */
  readonly message: string;
}

/** The outside world of the retrying; tests give a clock of their own. */
export interface HookWorld {
  readonly ask: (call: Call) => Promise<Answer>;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

const WORLD: HookWorld = { ask, now: () => performance.now(), pause: (ms) => sleep(ms) };

/**
 * The exec form of the preStop hook: calls `/prestop` on the loopback interface and waits for the report, which comes
 * when the service is drained. Does not retry: when nothing answers there is nothing to drain.
 */
export async function callPrestop(options: HookOptions, world: HookWorld = WORLD): Promise<HookResult> {
  const { port, token, timeoutMs } = options;
  const answer = await world.ask({ endpoint: 'prestop', port, token, timeoutMs });
  if (answer.kind !== 'answer') return failed(answer, timeoutMs);
  if (answer.status !== 200) return wrongStatus(answer.status, answer.body);
  const report = readReport(answer.body);
  if (report === undefined) {
    return {
      exitCode: HOOK_EXIT.unexpected,
      output: answer.body,
      message: `port ${port} answered 200 without a report`,
    };
  }
  const { outcome, cut } = report;
  const clean = CLEAN.has(outcome) && cut === 0;
  return {
    exitCode: clean ? HOOK_EXIT.done : HOOK_EXIT.notClean,
    output: answer.body,
    message: `${outcome}${cut > 0 ? `, ${count(cut, 'request')} cut` : ''}`,
  };
}

/** Pauses between two tries, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1_000;

/**
 * The exec form of the postStart hook: asks `/poststart` until the service is ready, from before it listens, so that the
 * hook is never the reason to kill a container that only needs its time.
 */
export async function callPoststart(options: PoststartOptions, world: HookWorld = WORLD): Promise<HookResult> {
  const { port, token, timeoutMs = POSTSTART_TIMEOUT_SECONDS * 1000, onTimeout = 'pass' } = options;
  const deadline = world.now() + timeoutMs;
  let reached = false;
  let last = '';
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const left = deadline - world.now();
    if (left <= 0) break;
    const answer = await world.ask({ endpoint: 'poststart', port, token, timeoutMs: left });
    if (answer.kind === 'answer') {
      if (answer.status === 200) return { exitCode: HOOK_EXIT.done, output: answer.body, message: 'ready' };
      if (answer.status < 500) return wrongStatus(answer.status, answer.body);
      reached = true;
      last = `it answered ${answer.status}`;
    } else if (answer.kind === 'timeout') {
      if (answer.connected) {
        reached = true;
        last = 'it did not answer';
      }
    } else last = answer.reason;
    await world.pause(Math.max(0, Math.min(pause, deadline - world.now())));
  }
  const what = `${reached ? 'not ready' : 'nothing listened'} within ${timeoutMs / 1000} s${last === '' ? '' : ` (${last})`}`;
  if (onTimeout === 'pass') {
    return { exitCode: HOOK_EXIT.done, output: '', message: `${what}; the container goes on, its probes decide` };
  }
  return { exitCode: reached ? HOOK_EXIT.timeout : HOOK_EXIT.unreachable, output: '', message: what };
}

const CLEAN: ReadonlySet<string> = new Set(['drained', 'clean', 'running', 'resumed']);

function readReport(body: string): { outcome: string; cut: number } | undefined {
  try {
    const report: unknown = JSON.parse(body);
    if (typeof report !== 'object' || report === null || !('outcome' in report)) return undefined;
    const requests = 'requests' in report ? report.requests : undefined;
    const cut =
      typeof requests === 'object' && requests !== null && 'cutCount' in requests ? Number(requests.cutCount) : 0;
    return { outcome: String(report.outcome), cut };
  } catch {
    return undefined;
  }
}

function failed(answer: Exclude<Answer, { kind: 'answer' }>, timeoutMs: number | undefined): HookResult {
  return answer.kind === 'timeout'
    ? { exitCode: HOOK_EXIT.timeout, output: '', message: `no answer within ${(timeoutMs ?? 0) / 1000} s` }
    : { exitCode: HOOK_EXIT.unreachable, output: '', message: answer.reason };
}

function wrongStatus(status: number, body: string): HookResult {
  if (status === 401 || status === 403) {
    return {
      exitCode: HOOK_EXIT.refused,
      output: body,
      message: `refused with ${status}: the token is missing or wrong`,
    };
  }
  return { exitCode: HOOK_EXIT.unexpected, output: body, message: `answered ${status}` };
}
