import type { Clock } from './clock.ts';
import { checkOptions, flag, invalidOption, type OptionRules, text } from './option-rules.ts';

export interface HoldOptions {
  /** Whether `/readyz` answers 503 while it is held: a cache that is filled again. Default false. */
  readonly readiness?: boolean;
}

/** Work that was cut: it was held and not released in time. */
export interface CutWork {
  readonly name: string;
  /** From `hold` to its end, in milliseconds. */
  readonly ageMs: number;
}

interface Work {
  readonly name: string;
  readonly since: number;
  readonly readiness: boolean;
}

const RULES: OptionRules<HoldOptions> = { readiness: flag };
const NAME = text();

/** Work outside of requests that a drain waits for: messages of a queue, jobs, flushes. */
export class HeldWork {
  readonly #clock: Clock;
  readonly #onRelease: () => void;
  readonly #held = new Set<Work>();
  #released = 0;

  constructor(clock: Clock, onRelease: () => void) {
    this.#clock = clock;
    this.#onRelease = onRelease;
  }

  get count(): number {
    return this.#held.size;
  }

  /** How much was released since the start of the process. */
  get released(): number {
    return this.#released;
  }

  /** Name of some work that keeps the service from being ready; `undefined` when there is none. */
  get keepsFromReady(): string | undefined {
    for (const { name, readiness } of this.#held) if (readiness) return name;
    return undefined;
  }

  /**
   * @returns a function that releases it; a second call of that does nothing.
   * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID`
   */
  hold(name: string, options: HoldOptions = {}): () => void {
    if (!NAME.holds(name)) throw invalidOption('hold', 'name', NAME.rule, name);
    checkOptions<HoldOptions>('hold', options, RULES);
    const work: Work = { name, since: this.#clock.now(), readiness: options.readiness ?? false };
    this.#held.add(work);
    return () => {
      if (!this.#held.delete(work)) return;
      this.#released += 1;
      this.#onRelease();
    };
  }

  /** Gives up whatever is held. @returns what that was. */
  cut(): readonly CutWork[] {
    const now = this.#clock.now();
    const cut = [...this.#held].map(({ name, since }) => ({ name, ageMs: Math.round(now - since) }));
    this.#held.clear();
    return cut;
  }
}
