import { showDuration } from './duration.ts';
import type { Loss } from './recorder.ts';
import { shownPath } from './requests/shown-path.ts';
import type { PodResult } from './result.ts';

/** Why requests are lost. Stable names. */
export type LossKind =
  | 'exited-too-early'
  | 'listener-closed'
  | 'kept-alive-closed'
  | 'fresh-connection-closed'
  | 'closed-in-flight'
  | 'answer-cut'
  | 'exited-in-flight'
  | 'killed-in-flight'
  | 'refused-by-status'
  | 'never-answered'
  | 'not-by-the-stop'
  | 'after-the-last-moment'
  | 'other';

/** The lost requests of one kind. */
export interface LossCause {
  readonly kind: LossKind;
  readonly count: number;
  /** What happened. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;
  /** When the first and the last of them were sent, in milliseconds after their pod began to be stopped. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** The first few. */
  readonly examples: readonly LossExample[];
}

export interface LossExample {
  readonly method: string;
  /** Without the values of its query. */
  readonly path: string;
  readonly client: string;
  /** `ECONNRESET`, `status 503` */
  readonly cause: string;
  /** When it was sent, in milliseconds after its pod began to be stopped. */
  readonly sentMs: number;
  /** When it was known to be lost. */
  readonly lostMs: number;
  /** Which request on its connection it was; 0 when there was no connection. */
  readonly requestOnConnection: number;
}

const EXAMPLES = 5;
/** The process' end and its connections' end are seen at slightly different times. */
const AT_THE_END_MS = 60;
/** A request that runs into a connection that is being closed knows it sooner than this, on one machine. */
const WORKED_ON_MS = 100;

/** What a loss means, and what helps. */
export const LOSS_WORDS: Readonly<Record<LossKind, { readonly what: string; readonly remedy: string }>> = {
  'exited-too-early': {
    what: 'the process had ended while callers still sent',
    remedy: 'serve on until callers have stopped: deregister first, then wait for quiet, within the grace period',
  },
  'listener-closed': {
    what: 'the listener was closed while callers still connected',
    remedy: 'keep listening until the callers have learned that the pod is going',
  },
  'kept-alive-closed': {
    what: 'a kept-alive connection was closed under a request',
    remedy: 'answer with Connection: close for a while before closing anything, and close only what has been silent',
  },
  'fresh-connection-closed': {
    what: 'a new connection was accepted and closed without an answer',
    remedy:
      'do not destroy connections that have not sent a request yet; close the listener only when nobody connects any more',
  },
  'closed-in-flight': {
    what: 'the connection was closed while the request was being worked on',
    remedy: 'wait for requests in flight before closing connections, over TLS and HTTP/2 as well',
  },
  'answer-cut': {
    what: 'the answer was cut after its head',
    remedy: 'wait for streams and large answers before closing, or end them in order',
  },
  'exited-in-flight': {
    what: 'the process ended with the request in flight',
    remedy: 'wait for requests in flight before process.exit',
  },
  'killed-in-flight': {
    what: 'SIGKILL came with the request in flight',
    remedy: 'finish within the grace period, or raise terminationGracePeriodSeconds',
  },
  'refused-by-status': {
    what: 'the service refused it although it was still being sent requests',
    remedy: 'answer requests normally until callers have stopped; fail only the readiness probe',
  },
  'never-answered': { what: 'no answer came', remedy: 'look at what the service waits for while it stops' },
  'not-by-the-stop': {
    what: 'it was not lost by the pod that was stopped',
    remedy: 'the route fails, or the machine is overloaded: run it without a deletion, or with fewer callers',
  },
  'after-the-last-moment': {
    what: 'it was sent when the kubelet would already have killed the process',
    remedy: 'nothing in this case; otherwise a longer grace period',
  },
  other: { what: 'lost', remedy: 'see the cause' },
};

/** What is sent this shortly before SIGKILL could not have been answered either, in milliseconds. */
const LAST_ANSWER_MS = 500;

/**
 * Groups the lost requests by why they were.
 *
 * @param excuses Whether the case itself takes the time away that callers need.
 */
export function diagnose(losses: readonly Loss[], pods: readonly PodResult[], excuses: boolean): LossCause[] {
  const byTarget = new Map(pods.map((pod) => [pod.target, pod]));
  const groups = new Map<LossKind, LossExample[]>();
  for (const loss of losses) {
    const pod = byTarget.get(loss.target);
    const sentMs = loss.atMs - (pod ?? pods[0] ?? { beganAtMs: 0 }).beganAtMs;
    const kind = pod === undefined ? 'not-by-the-stop' : kindOf(loss, sentMs, pod, excuses);
    const group = groups.get(kind) ?? [];
    const { method, client, cause, requestOnConnection } = loss;
    const path = shownPath(loss.path);
    group.push({ method, path, client, cause, sentMs, lostMs: sentMs + loss.afterMs, requestOnConnection });
    groups.set(kind, group);
  }
  return [...groups]
    .map(([kind, group]) => describe(kind, group, pods))
    .toSorted((left, right) => right.count - left.count);
}

function kindOf(loss: Loss, sentMs: number, pod: PodResult, excuses: boolean): LossKind {
  const { cause, status, afterMs, requestOnConnection } = loss;
  const { exitedAtMs = Number.POSITIVE_INFINITY, killed } = pod.timeline;
  const lostMs = sentMs + afterMs;
  if (lostMs < 0 || sentMs > (pod.readyAgainMs ?? Number.POSITIVE_INFINITY)) return 'not-by-the-stop';
  if (excuses && sentMs > (pod.lastMomentMs ?? Number.POSITIVE_INFINITY) - LAST_ANSWER_MS)
    return 'after-the-last-moment';
  if (cause === 'ETIMEDOUT') return 'never-answered';
  if (cause.startsWith('status ')) return 'refused-by-status';
  if (sentMs >= exitedAtMs) return 'exited-too-early';
  const atTheEnd = lostMs >= exitedAtMs - AT_THE_END_MS;
  if (cause === 'ECONNREFUSED') return atTheEnd ? 'exited-too-early' : 'listener-closed';
  if (atTheEnd) return killed ? 'killed-in-flight' : 'exited-in-flight';
  if (status !== undefined) return 'answer-cut';
  if (!/RESET|SOCKET|EPIPE|hang up|closed/i.test(cause)) return 'other';
  if (afterMs >= WORKED_ON_MS) return 'closed-in-flight';
  return requestOnConnection > 1 ? 'kept-alive-closed' : 'fresh-connection-closed';
}

function describe(kind: LossKind, group: readonly LossExample[], pods: readonly PodResult[]): LossCause {
  const sent = group.map(({ sentMs }) => sentMs);
  const { what, remedy } = LOSS_WORDS[kind];
  const lastMs = Math.max(...sent);
  return {
    kind,
    count: group.length,
    what: kind === 'exited-too-early' ? `${what}${howMuchTooEarly(lastMs, pods)}` : what,
    remedy,
    firstMs: Math.min(...sent),
    lastMs,
    examples: group.slice(0, EXAMPLES),
  };
}

function howMuchTooEarly(lastMs: number, pods: readonly PodResult[]): string {
  const exits = pods.map(({ timeline }) => timeline.exitedAtMs).filter((ms) => ms !== undefined);
  const early = lastMs - Math.min(...exits);
  return exits.length > 0 && early > 0 ? `, ${showDuration(early)} too early` : '';
}
