import { type Deferred, deferred } from './deferred.ts';
import { LifecycleError } from './errors.ts';
import type { HeldWork } from './held-work.ts';
import type { ResolvedOptions } from './lifecycle-options.ts';
import type { Phase, PhaseMachine } from './phase.ts';
import type { Registrations } from './registrations.ts';
import type { WorkerGroup } from './workers-group.ts';

/** What has a say in whether the service is ready. */
export interface ReadinessContext {
  readonly phases: PhaseMachine;
  readonly registrations: Registrations;
  readonly held: HeldWork;
  /** In a primary: the workers that take part. */
  readonly workers: () => WorkerGroup | undefined;
  readonly options: Pick<ResolvedOptions, 'readyzWhileServing'>;
}

/** Phases of a termination in which callers are still served. */
const SERVING: readonly Phase[] = ['deregistering', 'lame-duck', 'draining'];

/** Whether the service is ready, what it lacks, and who waits for it. */
export class Readiness {
  readonly #context: ReadinessContext;
  readonly #waiters = new Set<Deferred>();
  #givenUp = false;

  constructor(context: ReadinessContext) {
    this.#context = context;
  }

  get reached(): boolean {
    const { phases, registrations } = this.#context;
    return phases.current === 'ready' && registrations.complete && !this.#workersMissing && !this.#heldBack;
  }

  /** The answer to `/readyz`. */
  probe(): { readonly ok: boolean; readonly reason: string } {
    const { phases, options } = this.#context;
    const serves = options.readyzWhileServing === 'serve' && SERVING.includes(phases.current);
    return { ok: serves ? !this.#heldBack : this.reached, reason: this.#reason() };
  }

  /**
   * Resolves when the service is ready.
   *
   * @throws LifecycleError `ERR_PRESTOP_PHASE` as soon as it is known that it will not be
   */
  whenReached(): Promise<void> {
    if (this.reached) return Promise.resolve();
    if (this.#givenUp) {
      const { current } = this.#context.phases;
      const message = `the service will not become ready: it is ${current}`;
      return Promise.reject(new LifecycleError('ERR_PRESTOP_PHASE', message, { value: current }));
    }
    const waiter = deferred();
    this.#waiters.add(waiter);
    return waiter.promise;
  }

  /** To be called when anything that has a say has changed for the better. */
  look(): void {
    if (!this.reached) return;
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters.clear();
  }

  /** Nobody is to wait any more, for `reason`. */
  giveUp(reason: string): void {
    this.#givenUp = true;
    for (const { reject } of this.#waiters) reject(new LifecycleError('ERR_PRESTOP_PHASE', reason));
    this.#waiters.clear();
  }

  /** It may be waited for again, after a resume. */
  reset(): void {
    this.#givenUp = false;
  }

  get #workersMissing(): boolean {
    return this.#context.workers()?.serving === false;
  }

  get #heldBack(): boolean {
    return this.#context.held.keepsFromReady !== undefined;
  }

  #reason(): string {
    const { phases, registrations, held } = this.#context;
    const phase = phases.current;
    if (phase === 'ready' && this.#workersMissing) return 'no worker serves';
    const { missing } = registrations;
    if ((phase === 'starting' || phase === 'ready') && missing !== '') return `not registered: ${missing}`;
    const work = held.keepsFromReady;
    return work === undefined ? phase : `held: ${work}`;
  }
}
