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

/** Instants that are remembered; more than are asked for, so that taking the last one back brings no lost one back. */
const RECENT = 2 * LONG;
/** No slot, when the last arrival changed none. */
const NONE = -1;

/**
 * When requests arrived, in constant space and a constant number of steps per request: the last instants for the rate,
 * and the longest gap of each of the last 30 seconds for bursts.
 */
export class ArrivalHistory {
  readonly #recent = new Float64Array(RECENT);
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;
  readonly #bucketOf = new Float64Array(BUCKETS).fill(-1);
  readonly #longest = new Float64Array(BUCKETS);
  /** Until then, and up to this gap, an arrival changes no bucket: almost always. */
  #bucketEndsAt = Number.NEGATIVE_INFINITY;
  #longestInBucket = 0;
  /** What the last arrival changed, so that it can be taken back. */
  #undoable = false;
  #changedSlot = NONE;
  #bucketBefore = -1;
  #longestBefore = 0;

  record(now: number): void {
    const gap = now - this.#last;
    this.#recent[this.#count % RECENT] = now;
    this.#count += 1;
    this.#last = now;
    this.#undoable = true;
    this.#changedSlot = NONE;
    if (now >= this.#bucketEndsAt || gap > this.#longestInBucket) this.#noteGap(now, gap);
  }

  /** Takes back the last arrival, when it turned out not to count. Does nothing if another one came after it. */
  undo(at: number): void {
    if (!this.#undoable || this.#last !== at) return;
    this.#undoable = false;
    this.#count -= 1;
    this.#last = this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#at(this.#count - 1);
    if (this.#changedSlot === NONE) return;
    this.#bucketOf[this.#changedSlot] = this.#bucketBefore;
    this.#longest[this.#changedSlot] = this.#longestBefore;
    this.#bucketEndsAt = Number.NEGATIVE_INFINITY;
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
      lastAt: this.#count === 0 ? undefined : this.#last,
      meanGapMs: short === undefined || long === undefined ? undefined : Math.max(short, long),
      recurringGapMs: second,
    };
  }

  #noteGap(now: number, gap: number): void {
    if (gap === Number.POSITIVE_INFINITY) return;
    const bucket = Math.floor(now / BUCKET_MS);
    const slot = bucket % BUCKETS;
    this.#changedSlot = slot;
    this.#bucketBefore = this.#bucketOf[slot] as number;
    this.#longestBefore = this.#longest[slot] as number;
    this.#longestInBucket = this.#bucketBefore === bucket ? Math.max(this.#longestBefore, gap) : gap;
    this.#bucketOf[slot] = bucket;
    this.#longest[slot] = this.#longestInBucket;
    this.#bucketEndsAt = (bucket + 1) * BUCKET_MS;
  }

  #at(index: number): number {
    return this.#recent[index % RECENT] ?? 0;
  }

  /** Mean of at most `gaps` gaps between arrivals since `oldest`; `undefined` with fewer than two gaps. */
  #meanGap(gaps: number, oldest: number): number | undefined {
    const last = this.#count - 1;
    let first = last;
    const limit = Math.max(0, last - gaps, this.#count - RECENT);
    while (first > limit && this.#at(first - 1) >= oldest) first -= 1;
    return last - first < 2 ? undefined : (this.#at(last) - this.#at(first)) / (last - first);
  }
}
