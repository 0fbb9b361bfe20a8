import type { CallerRequest } from './caller-client.ts';
import { type Random, seededRandom, weightedPicker } from './random.ts';

/** What a request maker may use. */
export interface RequestContext {
  /** Number of the caller, from 0. */
  readonly caller: number;
  /** Number of the request of this caller, from 0. */
  readonly number: number;
  /** The caller's own seeded source of numbers in [0, 1). */
  readonly random: Random;
}

/** A kind of request: always the same one, or made anew each time. */
export type RequestKind = (CallerRequest | { readonly make: (context: RequestContext) => CallerRequest }) & {
  /** How often it is chosen in proportion to the others. Default 1. */
  readonly weight?: number;
};

export interface PlanOptions {
  /** What the callers send; at least one kind. */
  readonly requests: readonly RequestKind[];
  /** Mean pause between two requests, in milliseconds, with ±50 % jitter. */
  readonly thinkMs: number;
  readonly seed: number;
}

/** A request as it is planned. */
export interface PlannedRequest {
  /** Pause since the last answer, or since the start of the callers, in milliseconds. */
  readonly pauseMs: number;
  readonly request: CallerRequest;
}

/**
 * What one caller will send and how long it pauses: decided by the seed alone, whatever the service does and however many
 * instances there are.
 */
export class CallerPlan {
  /** Where the caller begins among the instances, and where it goes when it chooses at random. */
  readonly balancing: Random;
  readonly #caller: number;
  readonly #thinkMs: number;
  readonly #thinking: Random;
  readonly #making: Random;
  readonly #nextKind: () => RequestKind;
  #number = 0;

  constructor(caller: number, { requests, thinkMs, seed }: PlanOptions) {
    this.#caller = caller;
    this.#thinkMs = thinkMs;
    // Streams of their own, so that no choice depends on how often another was made.
    const stream = (nth: number) => seededRandom(seed, caller * 4 + nth);
    this.#thinking = stream(0);
    this.balancing = stream(1);
    this.#making = stream(2);
    this.#nextKind = weightedPicker(
      requests.map((kind) => [kind, kind.weight ?? 1] as const),
      stream(3),
    );
  }

  next(): PlannedRequest {
    // Not all at once: a wave of callers in step is no load that a service ever sees.
    const jitter = this.#number === 0 ? this.#thinking() : 0.5 + this.#thinking();
    const kind = this.#nextKind();
    const number = this.#number++;
    const request = 'make' in kind ? kind.make({ caller: this.#caller, number, random: this.#making }) : kind;
    return { pauseMs: jitter * this.#thinkMs, request };
  }
}

/** The first `count` requests of a caller, without sending anything. */
export function plannedRequests(caller: number, count: number, options: PlanOptions): PlannedRequest[] {
  const plan = new CallerPlan(caller, options);
  return Array.from({ length: count }, () => plan.next());
}
