import { type Clock, sleep } from './clock.ts';
import { deferred } from './deferred.ts';
import { errorOf, isRegistryError, messageOf } from './errors.ts';
import type { EventHub } from './events.ts';
import type { RegistryAdapter, Sighting } from './registry.ts';
import { callRegistry, closeRegistry, sightingOf } from './registry-call.ts';
import type { DeregistrationOutcome, RegistryReport } from './report.ts';
import { retryDelay } from './retry.ts';
import type { RegistryState } from './status.ts';

/** Pause between two reads until the removal is confirmed, in milliseconds. */
const CONFIRM_INTERVAL_MS = 200;
/** Pause between two reads afterwards: the instance may still be brought back. */
const WATCH_INTERVAL_MS = 1_000;
const NOT_ANSWERED = 'the process ended before it answered';
/** Clean reads in a row that confirm a removal. */
const CLEAN_READS = 2;

export interface DeregistrationContext {
  readonly clock: Clock;
  readonly events: EventHub;
  readonly random: () => number;
  /** Start of the termination, on the clock's scale. */
  readonly startedAt: number;
  /** Called when the registry first agreed that the instance is not there. */
  readonly onRemoved: () => void;
}

/**
 * Takes the instance out of one registry and proves it: the first try at once, retries with jitter, two clean reads,
 * again whenever it reappears. Goes on until its signal aborts; who waits for it decides for how long ({@link settled}).
 * Never rejects: whatever the registry does becomes part of the evidence.
 */
export class Deregistration {
  /** Resolves when the removal is confirmed or has failed for good; stays pending while it is still being tried. */
  readonly settled: Promise<void>;
  readonly #adapter: RegistryAdapter;
  readonly #context: DeregistrationContext;
  readonly #settle: () => void;
  #answer: 'removed' | 'absent' | null = null;
  #attempts = 0;
  #removedAt: number | undefined;
  #confirmedAt: number | undefined;
  /** First of the clean reads in a row that has not been broken yet. */
  #goneSince: number | undefined;
  #cleanReads = 0;
  #reappeared = 0;
  #reappearedAt: number | undefined;
  readonly #reads = { gone: 0, visible: 0, unknown: 0 };
  #error: string | null = null;
  #closeError: string | null = null;
  /** Whether the registry's last word is that the instance is not there. */
  #agreed = false;
  #ended = false;
  /** Calls of `deregister` that have not settled, given up or not. */
  readonly #open = new Set<Promise<unknown>>();
  #running: Promise<void> | undefined;

  constructor(adapter: RegistryAdapter, context: DeregistrationContext) {
    this.#adapter = adapter;
    this.#context = context;
    const { promise, resolve } = deferred();
    this.settled = promise;
    this.#settle = resolve;
  }

  get name(): string {
    return this.#adapter.name;
  }

  get outcome(): DeregistrationOutcome {
    if (this.#confirmedAt !== undefined) return 'confirmed';
    return this.#removedAt === undefined ? 'failed' : 'unconfirmed';
  }

  /** What is known at this moment. */
  get state(): RegistryState {
    if (this.#confirmedAt !== undefined) return 'confirmed';
    if (this.#agreed) return 'unconfirmed';
    return this.#ended ? 'failed' : 'deregistering';
  }

  /** When the registry first agreed that the instance is not there, on the clock's scale. */
  get removedAt(): number | undefined {
    return this.#removedAt;
  }

  /** From when on a consumer that asks is told that the instance is gone; `undefined` until confirmed. */
  get goneSince(): number | undefined {
    return this.#confirmedAt === undefined ? undefined : this.#goneSince;
  }

  /** When the instance was last seen again after it had been gone, on the clock's scale. */
  get reappearedAt(): number | undefined {
    return this.#reappearedAt;
  }

  report(): RegistryReport {
    const since = (at: number | undefined): number | null =>
      at === undefined ? null : Math.round(at - this.#context.startedAt);
    return {
      name: this.#adapter.name,
      outcome: this.outcome,
      answer: this.#answer,
      attempts: this.#attempts,
      removedAtMs: since(this.#removedAt),
      confirmedAtMs: since(this.#confirmedAt),
      reappeared: this.#reappeared,
      reads: { ...this.#reads },
      error: this.#error,
      closeError: this.#closeError,
    };
  }

  /**
   * Resolves when no removal is on its way any more; the signal has aborted. An adapter that ignores its signal may take its
   * time, or for ever.
   */
  async released(): Promise<void> {
    await this.#running;
    await Promise.allSettled(this.#open);
  }

  /** The account is given before the registry has answered. */
  cutShort(): void {
    if (this.state === 'deregistering') this.#error ??= NOT_ANSWERED;
    this.#ended = true;
  }

  /** Frees the adapter's client; does not wait for it once `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closeError = await closeRegistry(this.#adapter, this.#context, signal);
  }

  run(signal: AbortSignal): Promise<void> {
    this.#running = this.#run(signal);
    return this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#remove(signal))) break;
      await this.#watch(signal);
    }
    this.#ended = true;
    this.#settle();
  }

  /** Asks until the registry agrees. @returns false when there is no use in asking again, or no time. */
  async #remove(signal: AbortSignal): Promise<boolean> {
    const { clock, events, random } = this.#context;
    const registry = this.#adapter.name;
    for (let failures = 0; !signal.aborted; ) {
      this.#attempts += 1;
      try {
        const answer = await callRegistry(clock, signal, (call) =>
          this.#followed(async () => this.#adapter.deregister(call)),
        );
        this.#agreed = true;
        // What was asked for first stays the answer; after a reappearance it is only a repair.
        this.#answer ??= answer === 'removed' || answer === 'absent' ? answer : null;
        if (this.#removedAt === undefined) {
          this.#removedAt = clock.now();
          this.#context.onRemoved();
        }
        return true;
      } catch (thrown) {
        const error = errorOf(thrown);
        // That it was given up says less than what had been wrong before.
        this.#error = signal.aborted ? (this.#error ?? NOT_ANSWERED) : error.message;
        failures += 1;
        const final = signal.aborted || (isRegistryError(error) && !error.retryable);
        const retryInMs = final ? undefined : retryDelay(failures, random);
        events.emit('deregistrationFailed', { registry, error, retryInMs });
        if (retryInMs === undefined) return false;
        await sleep(clock, retryInMs, signal);
      }
    }
    return false;
  }

  #followed<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const call = ask();
    this.#open.add(call);
    const done = (): void => void this.#open.delete(call);
    call.then(done, done);
    return call;
  }

  /** Reads back until the instance is seen again (returns), or the signal aborts. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#context;
    this.#cleanReads = 0;
    while (!signal.aborted) {
      const seen = await this.#look(signal);
      if (signal.aborted && seen === 'unknown') return;
      this.#reads[seen] += 1;
      if (seen === 'visible') {
        const wasGone = this.#cleanReads > 0 || this.#confirmedAt !== undefined;
        this.#agreed = false;
        this.#cleanReads = 0;
        this.#goneSince = undefined;
        this.#confirmedAt = undefined;
        if (wasGone) {
          this.#reappeared += 1;
          this.#reappearedAt = clock.now();
          events.emit('reappeared', { registry: this.#adapter.name });
        }
        // A registry that is slow to show its own removal gets a moment before it is asked again.
        await sleep(clock, CONFIRM_INTERVAL_MS, signal);
        return;
      }
      if (seen === 'gone') {
        this.#cleanReads += 1;
        this.#goneSince ??= clock.now();
        if (this.#cleanReads >= CLEAN_READS && this.#confirmedAt === undefined) {
          this.#confirmedAt = clock.now();
          this.#settle();
        }
      }
      const confirmed = this.#confirmedAt !== undefined;
      await sleep(clock, confirmed ? WATCH_INTERVAL_MS : CONFIRM_INTERVAL_MS, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<Sighting> {
    try {
      return sightingOf(await callRegistry(this.#context.clock, signal, (call) => this.#adapter.check(call)));
    } catch (error) {
      if (!signal.aborted) this.#error = messageOf(error);
      return 'unknown';
    }
  }
}
