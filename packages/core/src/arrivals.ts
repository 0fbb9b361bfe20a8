/** How far back the longest pause between two requests is remembered, in milliseconds. */
const MEMORY_MS = 30_000;
const BUCKET_MS = 1_000;
const BUCKETS = MEMORY_MS / BUCKET_MS;
/** The mean gap is taken over the last 8 and over the last 32 gaps; see {@link ArrivalHistory.stats}. */
const SHORT = 8;
const LONG = 32;

export interface ArrivalStats {
  /** When the last counted request arrived; `undefined` if none ever did. */
  readonly lastAt: number | undefined;
  /** Mean gap between requests, in milliseconds; `undefined` when fewer than three arrived in the remembered time. */
  readonly meanGapMs: number | undefined;
  /**
   * Longest pause between two requests that came about at least twice in the remembered time, in milliseconds, else 0.
   * Once is chance (the first request after a quiet night); twice is a pattern.
   */
  readonly recurringGapMs: number;
}

/**
 * When requests arrived, in constant space and a constant number of steps per request: the last 33 instants for the
 * rate, and the longest gap of each of the last 30 seconds for bursts.
 */
export class ArrivalHistory {
  readonly #recent = new Float64Array(LONG + 1);
  #count = 0;
  readonly #bucketOf = new Float64Array(BUCKETS).fill(-1);
  readonly #longest = new Float64Array(BUCKETS);
  /** What the last arrival overwrote, so that it can be taken back. */
  readonly #overwritten = { undoable: false, instant: 0, slot: 0, bucket: -1, longest: 0 };

  record(now: number): void {
    const last = this.#lastAt();
    const index = this.#count % this.#recent.length;
    const bucket = Math.floor(now / BUCKET_MS);
    const slot = bucket % BUCKETS;
    this.#overwritten.undoable = true;
    this.#overwritten.instant = this.#recent[index] ?? 0;
    this.#overwritten.slot = slot;
    this.#overwritten.bucket = this.#bucketOf[slot] ?? -1;
    this.#overwritten.longest = this.#longest[slot] ?? 0;
    this.#recent[index] = now;
    this.#count += 1;
    if (last === undefined) return;
    if (this.#bucketOf[slot] !== bucket) {
      this.#bucketOf[slot] = bucket;
      this.#longest[slot] = 0;
    }
    this.#longest[slot] = Math.max(this.#longest[slot] ?? 0, now - last);
  }

  /** Takes back the last arrival, when it turned out not to count. Does nothing if another one came after it. */
  undo(at: number): void {
    const { undoable, instant, slot, bucket, longest } = this.#overwritten;
    if (!undoable || this.#lastAt() !== at) return;
    this.#overwritten.undoable = false;
    this.#count -= 1;
    this.#recent[this.#count % this.#recent.length] = instant;
    this.#bucketOf[slot] = bucket;
    this.#longest[slot] = longest;
  }

  /**
   * The larger of the two mean gaps is given: the short one follows callers that leave one after another, the long one
   * steadies the estimate for random traffic.
   */
  stats(now: number): ArrivalStats {
    const oldest = now - MEMORY_MS;
    let longest = 0;
    let second = 0;
    for (let slot = 0; slot < BUCKETS; slot++) {
      const bucket = this.#bucketOf[slot] ?? -1;
      if (bucket < 0 || bucket * BUCKET_MS < oldest) continue;
      const gap = this.#longest[slot] ?? 0;
      if (gap > longest) [longest, second] = [gap, longest];
      else if (gap > second) second = gap;
    }
    const short = this.#meanGap(SHORT, oldest);
    const long = this.#meanGap(LONG, oldest);
    return {
      lastAt: this.#lastAt(),
      meanGapMs: short === undefined || long === undefined ? undefined : Math.max(short, long),
      recurringGapMs: second,
    };
  }

  #lastAt(): number | undefined {
    return this.#count === 0 ? undefined : this.#at(this.#count - 1);
  }

  #at(index: number): number {
    return this.#recent[index % this.#recent.length] ?? 0;
  }

  /** Mean of at most `gaps` gaps between arrivals since `oldest`; `undefined` with fewer than two gaps. */
  #meanGap(gaps: number, oldest: number): number | undefined {
    const last = this.#count - 1;
    let first = last;
    const limit = Math.max(0, last - gaps, this.#count - this.#recent.length);
    while (first > limit && this.#at(first - 1) >= oldest) first -= 1;
    return last - first < 2 ? undefined : (this.#at(last) - this.#at(first)) / (last - first);
  }
}
