import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
import { errorOf, LifecycleError } from './errors.ts';
import type { CloserOutcome } from './events.ts';
import { checkOptions, integer, listOf, type OptionRules, oneOf, text } from './option-rules.ts';

export interface CloserContext {
  /** Aborted when the closer's time is up; it is not waited for any longer. */
  readonly signal: AbortSignal;
}

/** What is closed: a pool, telemetry. An object of numbers that it returns, or resolves with, is put into the report. */
export type Closer = (context: CloserContext) => unknown;

/** When closers run. */
const CLOSER_PHASES = ['draining', 'closing'] as const;

export type CloserPhase = (typeof CLOSER_PHASES)[number];

export interface CloserOptions {
  /**
   * `'closing'` (default): after the last request. `'draining'`: when the service starts draining, beside the requests
   * in flight, for what takes part in serving and has to be told to end: WebSockets, the consumer of a queue. The drain
   * waits for it, at most until the deadline; after a resume it runs again in the next termination.
   */
  readonly phase?: CloserPhase;
  /**
   * Names of closers that must have ended first, whatever their outcome. The telemetry that the pools still write to
   * closes `after` them. Default: none; closers without order between them run at the same time.
   */
  readonly after?: readonly string[];
  /**
   * Longest time for this closer, in milliseconds; it never gets more than what is left of the termination.
   * Default: what is left.
   */
  readonly timeoutMs?: number;
}

const RULES: OptionRules<CloserOptions> = {
  phase: oneOf(...CLOSER_PHASES),
  after: listOf(text()),
  timeoutMs: integer('milliseconds', 1, 3_600_000),
};

export interface CloserResult {
  readonly name: string;
  readonly outcome: CloserOutcome;
  readonly ms: number;
  readonly error?: Error;
  /** What it returned, if that was an object of numbers. */
  readonly counts?: Readonly<Record<string, number>>;
}

interface Entry {
  /** Where it stands among those that were added. */
  readonly index: number;
  readonly name: string;
  readonly run: Closer;
  readonly phase: CloserPhase;
  readonly after: readonly string[];
  readonly timeoutMs: number;
}

/** What the closers of one phase have in common when they run. */
export interface ClosersRun {
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly onResult: (result: CloserResult) => void;
  /** Told of what the closers cannot wait for, of which {@link Closers.check} could not know. */
  readonly onMisplaced?: (message: string) => void;
  /** When it aborts, nobody looks after them any more: what they wait for is up to them. */
  readonly abandoned?: AbortSignal;
}

/** Named functions with an order between them, each run once within what is left of the termination. */
export class Closers {
  readonly #entries = new Map<string, Entry>();
  /** Of those that were taken away, and are closed by now, the ones that another one waits for. */
  readonly #gone = new Set<string>();
  readonly #begun = new Set<CloserPhase>();
  /** Of the running termination: when each that runs began, and how those that have ended did. */
  readonly #startedAt = new Map<Entry, number>();
  readonly #ended = new Map<Entry, CloserResult>();
  #added = 0;

  /**
   * @returns a function that takes the closer away again.
   * @throws LifecycleError `ERR_PRESTOP_CLOSER_INVALID` for a name that is taken, a closer that is no function;
   * `ERR_PRESTOP_PHASE` when its phase has begun: it would never run; `ERR_PRESTOP_OPTION_*` for its options.
   */
  add(name: string, run: Closer, options: CloserOptions = {}): () => void {
    if (typeof name !== 'string' || name === '') throw invalid('', 'a name that is not empty', String(name));
    if (typeof run !== 'function') throw invalid(name, 'a function', typeof run);
    if (this.#entries.has(name)) throw invalid(name, 'a name that no other closer has', name);
    checkOptions<CloserOptions>('onClose', options, RULES);
    const phase = options.phase ?? 'closing';
    if (this.#begun.has(phase)) throw tooLate(name, phase);
    const entry: Entry = {
      index: this.#added++,
      name,
      run,
      phase,
      after: options.after ?? [],
      timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
    };
    this.#entries.set(name, entry);
    try {
      this.#refuseCircles();
    } catch (error) {
      this.#entries.delete(name);
      throw error;
    }
    return () => {
      if (this.#entries.get(name) !== entry) return;
      this.#entries.delete(name);
      if ([...this.#entries.values()].some(({ after }) => after.includes(name))) this.#gone.add(name);
    };
  }

  /**
   * Checks that every closer that another one waits for is there, or was, and not of a later phase. Not at {@link add},
   * since the order of the calls is free.
   *
   * @throws LifecycleError `ERR_PRESTOP_CLOSER_INVALID`
   */
  check(): void {
    for (const entry of this.#entries.values()) {
      for (const { rule, before } of this.#misplaced(entry)) throw invalid(entry.name, rule, before);
    }
  }

  /** What an entry is to wait for and cannot, and the rule that says so. */
  *#misplaced({ phase, after }: Entry): IterableIterator<{ readonly rule: string; readonly before: string }> {
    for (const before of after) {
      if (!this.#entries.has(before) && !this.#gone.has(before)) {
        yield { rule: 'a closer for every name in `after`', before };
      } else if (phase === 'draining' && this.#entries.get(before)?.phase === 'closing') {
        yield { rule: 'no closer of a later phase in `after`', before };
      }
    }
  }

  #refuseCircles(): void {
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      if (done.has(name)) return;
      if (path.includes(name)) throw invalid(name, 'no circle in `after`', [...path, name].join(' > '));
      for (const before of this.#entries.get(name)?.after ?? []) visit(before, [...path, name]);
      done.add(name);
    };
    for (const name of this.#entries.keys()) visit(name, []);
  }

  /** Runs those of `phase`; a failure or a timeout of one is its own outcome and keeps no other from running. */
  async run(phase: CloserPhase, run: ClosersRun): Promise<CloserResult[]> {
    this.#begun.add(phase);
    const running = new Map<string, Promise<CloserResult>>();
    const start = (entry: Entry): Promise<CloserResult> => {
      const started = running.get(entry.name) ?? this.#runOne(entry, start, run);
      running.set(entry.name, started);
      return started;
    };
    const entries = [...this.#entries.values()].filter((entry) => entry.phase === phase);
    for (const entry of entries) {
      for (const { rule, before } of this.#misplaced(entry)) {
        run.onMisplaced?.(`closer "${entry.name}" does not wait for "${before}": there must be ${rule}`);
      }
    }
    return Promise.all(entries.map(start));
  }

  async #runOne(entry: Entry, start: (entry: Entry) => Promise<CloserResult>, run: ClosersRun): Promise<CloserResult> {
    // One turn later, so that `run` knows this closer before the ones it waits for are started.
    await Promise.resolve();
    for (const name of entry.after) {
      const before = this.#entries.get(name);
      if (before?.phase === entry.phase) await start(before);
    }
    this.#startedAt.set(entry, run.clock.now());
    const result = await runWithin(entry, run);
    if (run.abandoned?.aborted) return result;
    this.#ended.set(entry, result);
    run.onResult(result);
    return result;
  }

  /** How those that have ended did: first those of phase `draining`, in the order in which they were added. */
  results(): readonly CloserResult[] {
    const position = ({ phase, index }: Entry): number => CLOSER_PHASES.indexOf(phase) * this.#added + index;
    return [...this.#ended].sort(([left], [right]) => position(left) - position(right)).map(([, result]) => result);
  }

  /** Gives up whatever has not ended: what runs is cut, what has not begun is skipped. @returns what became of those. */
  cut(now: number, reason: string): readonly CloserResult[] {
    const left = [...this.#entries.values()].filter((entry) => !this.#ended.has(entry));
    return left.map((entry) => {
      const startedAt = this.#startedAt.get(entry);
      const outcome = startedAt === undefined ? 'skipped' : 'cut';
      const ms = Math.round(now - (startedAt ?? now));
      const result: CloserResult = { name: entry.name, outcome, ms, error: new Error(reason) };
      this.#ended.set(entry, result);
      return result;
    });
  }

  /** Forgets the termination that was resumed: closers may be added again, and all run in the next one. */
  reset(): void {
    this.#begun.clear();
    this.#startedAt.clear();
    this.#ended.clear();
  }
}

async function runWithin(entry: Entry, { clock, deadline, abandoned }: ClosersRun): Promise<CloserResult> {
  const { name } = entry;
  const startedAt = clock.now();
  const ms = (): number => Math.round(clock.now() - startedAt);
  if (deadline.reached) return { name, outcome: 'skipped', ms: 0, error: new Error('no time was left to run it') };
  const controller = new AbortController();
  const timedOut = new Promise<CloserResult>((resolve) => {
    controller.signal.addEventListener('abort', () =>
      resolve({ name, outcome: 'timed-out', ms: ms(), error: new Error(`it had not ended after ${ms()} ms`) }),
    );
  });
  const abort = (): void => controller.abort(new DOMException('the time of this closer is up', 'TimeoutError'));
  deadline.signal.addEventListener('abort', abort);
  const cancel = entry.timeoutMs < deadline.remaining() ? clock.after(entry.timeoutMs, abort) : undefined;
  if (cancel) abandoned?.addEventListener('abort', cancel);
  try {
    return await Promise.race([timedOut, settle(entry, controller.signal, ms)]);
  } finally {
    cancel?.();
    if (cancel) abandoned?.removeEventListener('abort', cancel);
    deadline.signal.removeEventListener('abort', abort);
  }
}

async function settle(entry: Entry, signal: AbortSignal, ms: () => number): Promise<CloserResult> {
  try {
    const returned = await entry.run({ signal });
    return { name: entry.name, outcome: 'done', ms: ms(), ...(isCounts(returned) && { counts: returned }) };
  } catch (thrown) {
    return { name: entry.name, outcome: 'failed', ms: ms(), error: errorOf(thrown) };
  }
}

function isCounts(value: unknown): value is Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).every((count) => Number.isFinite(count));
}

function tooLate(closer: string, phase: CloserPhase): LifecycleError {
  const rule = `added before the closers of phase "${phase}" run`;
  return new LifecycleError('ERR_PRESTOP_PHASE', `onClose: closer "${closer}" must be ${rule}; close it yourself`, {
    option: closer,
    rule,
  });
}

function invalid(closer: string, rule: string, value: string): LifecycleError {
  return new LifecycleError(
    'ERR_PRESTOP_CLOSER_INVALID',
    `closer "${closer}": there must be ${rule}; there is ${value}`,
    {
      option: closer,
      rule,
      value,
    },
  );
}
