import { createHistogram } from 'node:perf_hooks';
import type { ClientKind } from './caller-client.ts';

/** A request when it is sent. */
export interface SentRequest {
  /** Number of the caller, from 0. */
  readonly caller: number;
  readonly client: ClientKind;
  /** `host:port`. */
  readonly target: string;
  readonly method: string;
  readonly path: string;
  /** When it was sent, in milliseconds since the callers started. */
  readonly atMs: number;
}

/** A request when it is over, answered or lost. */
export interface SettledRequest extends SentRequest {
  /** How long after it was sent, in milliseconds. */
  readonly afterMs: number;
  /** Whether its connection had carried a request before. */
  readonly reusedSocket: boolean;
  /** Which request on its connection it was, from 1; 0 when there was no connection. */
  readonly requestOnConnection: number;
  /** Of the last complete head, also where the body was cut. */
  readonly status?: number;
  /** Why it is lost; absent when it was answered. */
  readonly cause?: string;
}

/** A request that got no complete valid answer, for whatever reason. */
export interface LostRequest extends SettledRequest {
  /** Code of the failure (`ECONNRESET`), `status 503`, or `invalid answer` when the request's own check refused it. */
  readonly cause: string;
}

export interface TargetCounts {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** Milliseconds since the callers started. */
  readonly firstSentAtMs: number;
  readonly lastSentAtMs: number;
}

/** Milliseconds from sending to the end of the answer, of answered requests; all 0 when there were none. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The counters of a moment, cheap to read. */
export interface CallerCounters {
  /** Milliseconds since the callers started. */
  readonly elapsedMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly inFlight: number;
  /** How often a caller had no target to send to and waited. */
  readonly starved: number;
}

/** All that the callers have seen. Once stopped, `sent` is `answered` + `lostCount`. */
export interface CallerTally {
  /** When the callers started, in milliseconds of the monotonic clock. */
  readonly startedAtMs: number;
  readonly elapsedMs: number;
  readonly sent: number;
  /** Complete and valid answers. */
  readonly answered: number;
  readonly lostCount: number;
  /** The first 1,000 of them. */
  readonly lost: readonly LostRequest[];
  /** Lost requests by cause, all of them. */
  readonly causes: Readonly<Record<string, number>>;
  /** Complete answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly latencyMs: Latency;
  readonly perTarget: Readonly<Record<string, TargetCounts>>;
  /** How often a caller had no target to send to and waited. */
  readonly starved: number;
  /** Discovery polls that failed. */
  readonly discoveryFailures: number;
}

/** Lost requests that are kept with their particulars. */
const LOST_KEPT = 1000;
const MICROSECONDS = 1000;

/** Counts without keeping: the size depends on targets, causes and statuses, not on requests. */
export class Ledger {
  readonly startedAtMs: number;
  #sent = 0;
  #answered = 0;
  #lostCount = 0;
  #starved = 0;
  readonly #lost: LostRequest[] = [];
  readonly #causes = new Map<string, number>();
  readonly #statuses = new Map<string, number>();
  readonly #targets = new Map<string, { -readonly [Key in keyof TargetCounts]: TargetCounts[Key] }>();
  readonly #latency = createHistogram();

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  sent(target: string, nowMs: number): void {
    this.#sent += 1;
    const atMs = nowMs - this.startedAtMs;
    const counts = this.#targets.get(target);
    if (counts === undefined) {
      this.#targets.set(target, { sent: 1, answered: 0, lost: 0, firstSentAtMs: atMs, lastSentAtMs: atMs });
    } else {
      counts.sent += 1;
      counts.lastSentAtMs = atMs;
    }
  }

  /** A complete answer, valid or not. */
  completed(status: number): void {
    this.#statuses.set(String(status), (this.#statuses.get(String(status)) ?? 0) + 1);
  }

  answered(target: string, tookMs: number): void {
    this.#answered += 1;
    const counts = this.#targets.get(target);
    if (counts !== undefined) counts.answered += 1;
    this.#latency.record(Math.max(1, Math.round(tookMs * MICROSECONDS)));
  }

  lost(request: LostRequest): void {
    this.#lostCount += 1;
    const counts = this.#targets.get(request.target);
    if (counts !== undefined) counts.lost += 1;
    this.#causes.set(request.cause, (this.#causes.get(request.cause) ?? 0) + 1);
    if (this.#lost.length < LOST_KEPT) this.#lost.push(request);
  }

  starved(): void {
    this.#starved += 1;
  }

  counters(nowMs: number): CallerCounters {
    return {
      elapsedMs: nowMs - this.startedAtMs,
      sent: this.#sent,
      answered: this.#answered,
      lost: this.#lostCount,
      inFlight: this.#sent - this.#answered - this.#lostCount,
      starved: this.#starved,
    };
  }

  tally(nowMs: number, discoveryFailures: number): CallerTally {
    const none = this.#latency.count === 0;
    return {
      startedAtMs: this.startedAtMs,
      elapsedMs: nowMs - this.startedAtMs,
      sent: this.#sent,
      answered: this.#answered,
      lostCount: this.#lostCount,
      lost: [...this.#lost],
      causes: Object.fromEntries(this.#causes),
      statuses: Object.fromEntries(this.#statuses),
      latencyMs: {
        p50: none ? 0 : this.#latency.percentile(50) / MICROSECONDS,
        p99: none ? 0 : this.#latency.percentile(99) / MICROSECONDS,
        max: none ? 0 : this.#latency.max / MICROSECONDS,
      },
      perTarget: Object.fromEntries([...this.#targets].map(([target, counts]) => [target, { ...counts }])),
      starved: this.#starved,
      discoveryFailures,
    };
  }
}
