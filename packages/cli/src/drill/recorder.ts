import type { SentRequest, SettledRequest } from '@prestop/testkit';

/** What was sent in one stretch of time. */
export interface TrafficBucket {
  /** Its beginning, in milliseconds since the callers started. */
  readonly atMs: number;
  /** Answered by pods that were not being stopped. */
  readonly others: number;
  /** Answered by the pod of the case before it was stopped, and after it was back. */
  readonly before: number;
  /** Sent to the pod after it began to be stopped, and answered. */
  readonly late: number;
  readonly lost: number;
}

/** Requests that were sent to a pod after it began to be stopped. */
export interface LateTraffic {
  readonly count: number;
  readonly lost: number;
  /** When the last of them was sent, in milliseconds after the beginning. */
  readonly lastAfterMs: number;
}

/** A request that was lost. */
export type Loss = SettledRequest & { readonly cause: string };

const BUCKET_MS = 50;

/** Follows the callers' requests: how many, where to, late or not; keeps the lost ones. */
export class Recorder {
  readonly #buckets: { others: number; before: number; late: number; lost: number }[] = [];
  /** Pods that are being stopped, with the beginning. */
  readonly #stopping = new Map<string, number>();
  readonly #followed = new Set<string>();
  readonly #late = new Map<string, { count: number; lost: number; lastAfterMs: number }>();
  readonly #losses: Loss[] = [];

  /** A pod that will be stopped. */
  follow(target: string): void {
    this.#followed.add(target);
  }

  /** From now on requests to `target` are late. */
  stopping(target: string, atMs: number): void {
    this.#stopping.set(target, atMs);
  }

  /** The pod is back. */
  back(target: string): void {
    this.#stopping.delete(target);
  }

  readonly sent = ({ target, atMs }: SentRequest): void => {
    const since = this.#stopping.get(target);
    if (since === undefined) return;
    const late = this.#late.get(target) ?? { count: 0, lost: 0, lastAfterMs: 0 };
    late.count += 1;
    late.lastAfterMs = atMs - since;
    this.#late.set(target, late);
  };

  readonly settled = (request: SettledRequest): void => {
    const { target, atMs, cause } = request;
    const bucket = this.#bucketAt(atMs);
    const since = this.#stopping.get(target);
    const isLate = since !== undefined && atMs >= since;
    if (cause !== undefined) {
      bucket.lost += 1;
      this.#losses.push({ ...request, cause });
      const late = this.#late.get(target);
      if (isLate && late !== undefined) late.lost += 1;
    } else if (isLate) bucket.late += 1;
    else if (this.#followed.has(target)) bucket.before += 1;
    else bucket.others += 1;
  };

  get losses(): readonly Loss[] {
    return this.#losses;
  }

  /** Late requests so far, to all pods. */
  get lateCount(): number {
    let count = 0;
    for (const late of this.#late.values()) count += late.count;
    return count;
  }

  lateOf(target: string): LateTraffic {
    return { ...(this.#late.get(target) ?? { count: 0, lost: 0, lastAfterMs: 0 }) };
  }

  /** The whole run, in stretches so long that there are at most `atMost`. */
  buckets(atMost = 200): { readonly bucketMs: number; readonly buckets: readonly TrafficBucket[] } {
    const merged = Math.max(1, Math.ceil(this.#buckets.length / atMost));
    const buckets: TrafficBucket[] = [];
    for (let from = 0; from < this.#buckets.length; from += merged) {
      const sum = { atMs: from * BUCKET_MS, others: 0, before: 0, late: 0, lost: 0 };
      for (const bucket of this.#buckets.slice(from, from + merged)) {
        sum.others += bucket.others;
        sum.before += bucket.before;
        sum.late += bucket.late;
        sum.lost += bucket.lost;
      }
      buckets.push(sum);
    }
    return { bucketMs: merged * BUCKET_MS, buckets };
  }

  #bucketAt(atMs: number): { others: number; before: number; late: number; lost: number } {
    const index = Math.floor(Math.max(0, atMs) / BUCKET_MS);
    while (this.#buckets.length <= index) this.#buckets.push({ others: 0, before: 0, late: 0, lost: 0 });
    // The loop above has made it.
    return this.#buckets[index] as { others: number; before: number; late: number; lost: number };
  }
}
