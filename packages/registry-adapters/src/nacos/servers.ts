import { isRegistryError, type RegistryError } from '@prestop/core';
import { aborted } from '../abort.ts';
import type { Failures } from './failures.ts';

/** The servers of one cluster, with the one first that answered last. */
export class Servers {
  readonly all: readonly string[];
  readonly #failures: Failures;
  #preferred = 0;

  constructor(all: readonly string[], failures: Failures) {
    this.all = all;
    this.#failures = failures;
  }

  /**
   * The result of the first server that does it. Any server will do: those of a cluster hand a request on to the one
   * that is responsible for the instance.
   *
   * @throws RegistryError when none does it: the only failure, or all of them in one.
   */
  async first<Result>(what: string, signal: AbortSignal, ask: (server: string) => Promise<Result>): Promise<Result> {
    const errors: RegistryError[] = [];
    for (let tried = 0; tried < this.all.length; tried++) {
      const index = (this.#preferred + tried) % this.all.length;
      if (signal.aborted) throw aborted(this.#failures.registryName, what, signal);
      try {
        const result = await ask(this.all[index] as string);
        this.#preferred = index;
        return result;
      } catch (error) {
        if (!isRegistryError(error) || signal.aborted) throw error;
        errors.push(error);
      }
    }
    throw this.#failures.everywhere(what, errors);
  }

  /**
   * Asks all servers at once; the result of the first that does it, the others are given up. For what may not wait for
   * a server that hangs.
   *
   * @throws RegistryError when none does it.
   */
  async fastest<Result>(
    what: string,
    signal: AbortSignal,
    ask: (server: string, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    try {
      return await Promise.any(this.all.map((server) => ask(server, either)));
    } catch (thrown) {
      if (signal.aborted) throw aborted(this.#failures.registryName, what, signal);
      const { errors } = thrown as AggregateError;
      const unforeseen: unknown = errors.find((error) => !isRegistryError(error));
      throw unforeseen ?? this.#failures.everywhere(what, errors as RegistryError[]);
    } finally {
      done.abort(new Error('another server was faster'));
    }
  }
}
