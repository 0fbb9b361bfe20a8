import type { Clock } from './clock.ts';
import type { CutCause, EventHub } from './events.ts';
import type { CutWork } from './held-work.ts';
import type { CutRequest } from './report.ts';
import { pathOf, type TrackedRequest } from './traffic.ts';

/** How many of each kind a report names; the others are only counted. */
export const CUT_LISTED = 20;

/** What one termination ended without letting it finish: told at once, counted, and the first of them named. */
export class Losses {
  readonly #clock: Clock;
  readonly #events: EventHub;
  /** Each is named once, whatever befell it. */
  readonly #noted = new WeakSet<TrackedRequest>();
  readonly #requests: CutRequest[] = [];
  readonly #held: CutWork[] = [];
  #requestCount = 0;
  #heldCount = 0;
  #upgradedCount = 0;

  constructor(clock: Clock, events: EventHub) {
    this.#clock = clock;
    this.#events = events;
  }

  get any(): boolean {
    return this.#requestCount + this.#heldCount + this.#upgradedCount > 0;
  }

  get requests(): { readonly cutCount: number; readonly cut: readonly CutRequest[] } {
    return { cutCount: this.#requestCount, cut: this.#requests };
  }

  get held(): { readonly cutCount: number; readonly cut: readonly CutWork[] } {
    return { cutCount: this.#heldCount, cut: this.#held };
  }

  noteRequest(request: TrackedRequest, cause: CutCause): void {
    if (!request.counted || this.#noted.has(request)) return;
    this.#noted.add(request);
    const { method = '', target = '', startedAt } = request;
    const cut = { method, path: pathOf(target), ageMs: Math.round(this.#clock.now() - startedAt), cause };
    this.#requestCount += 1;
    if (this.#requests.length < CUT_LISTED) this.#requests.push(cut);
    this.#events.emit('cut', cut);
  }

  noteHeld(work: CutWork): void {
    this.#heldCount += 1;
    if (this.#held.length < CUT_LISTED) this.#held.push(work);
    this.#events.emit('heldCut', { work: work.name, ageMs: work.ageMs });
  }

  /** Connections that had been handed over, to a WebSocket or a tunnel; they have no request. */
  noteUpgraded(count: number): void {
    this.#upgradedCount += count;
  }
}
