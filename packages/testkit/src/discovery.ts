import { nowMs, type Pause, pause } from './timing.ts';

/**
 * What a group of consumers knows about the instances of a service: an addition is known to all at once, a removal to each
 * only after its own lag. Pure: every call is given the time.
 */
export class StaleDirectory {
  readonly #longestLagMs: number;
  /** Each instance with the time of its removal, `undefined` while it is listed. */
  readonly #targets = new Map<string, number | undefined>();

  /** @param longestLagMs When even the slowest consumer knows of a removal, so that it can be forgotten. */
  constructor(longestLagMs: number) {
    this.#longestLagMs = longestLagMs;
  }

  /** Takes in a new listing. @returns whether there was an addition. */
  update(listed: readonly string[], nowMs: number): boolean {
    let added = false;
    for (const target of listed) {
      added ||= !this.#targets.has(target) || this.#targets.get(target) !== undefined;
      this.#targets.set(target, undefined);
    }
    const present = new Set(listed);
    for (const [target, removedAtMs] of this.#targets) {
      if (removedAtMs === undefined && !present.has(target)) this.#targets.set(target, nowMs);
      else if (removedAtMs !== undefined && nowMs - removedAtMs >= this.#longestLagMs) this.#targets.delete(target);
    }
    return added;
  }

  /** The instances that a consumer with this lag knows at this time, in the order in which they first appeared. */
  view(lagMs: number, nowMs: number): string[] {
    const known: string[] = [];
    for (const [target, removedAtMs] of this.#targets) {
      if (removedAtMs === undefined || nowMs - removedAtMs < lagMs) known.push(target);
    }
    return known;
  }
}

/** The lags of `count` consumers: evenly over (0, lagMs], so that exactly one has the whole of it. */
export function evenLags(count: number, lagMs: number): number[] {
  return Array.from({ length: count }, (_, index) => (lagMs * (index + 1)) / count);
}

/** Polls one listing for all consumers. A poll that fails or hangs leaves the last listing as it was. */
export class Watcher {
  readonly #discover: () => Promise<readonly string[]>;
  readonly #directory: StaleDirectory;
  readonly #everyMs: number;
  readonly #waiting = new Set<() => void>();
  #failures = 0;
  #stopped = false;
  #pause: Pause | undefined;

  constructor(discover: () => Promise<readonly string[]>, directory: StaleDirectory, everyMs: number) {
    this.#discover = discover;
    this.#directory = directory;
    this.#everyMs = everyMs;
    void this.#poll();
  }

  /** Polls that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves with the next addition, or when the watcher stops. */
  nextAddition(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  stop(): void {
    this.#stopped = true;
    this.#pause?.end();
    this.#wake();
  }

  async #poll(): Promise<void> {
    while (!this.#stopped) {
      try {
        const listed = await this.#discover();
        if (this.#directory.update(listed, nowMs())) this.#wake();
      } catch {
        this.#failures += 1;
      }
      if (this.#stopped) return;
      this.#pause = pause(this.#everyMs);
      await this.#pause.over;
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
