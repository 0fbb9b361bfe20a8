import { settledWithin } from './clock.ts';
import { type RegistrationContext, register } from './registration.ts';
import type { RegistryAdapter } from './registry.ts';
import { REGISTRY_CALL_MS } from './registry-call.ts';
import type { RegistryState } from './status.ts';

interface Registration {
  readonly registered: boolean;
  /** What the registry did last, in words that follow its name. */
  readonly seen: string;
}

const NOT_ASKED: Registration = { registered: false, seen: 'has not been asked' };

/** Where the instance is registered, and how far that is, while no termination runs. */
export class Registrations {
  readonly #adapters: readonly RegistryAdapter[];
  readonly #context: RegistrationContext;
  readonly #onRegistered: () => void;
  readonly #known = new Map<string, Registration>();

  /** `onRegistered` is called whenever one more of them has the instance. */
  constructor(adapters: readonly RegistryAdapter[], context: RegistrationContext, onRegistered: () => void) {
    this.#adapters = adapters;
    this.#context = context;
    this.#onRegistered = onRegistered;
    this.reset();
  }

  get complete(): boolean {
    return [...this.#known.values()].every(({ registered }) => registered);
  }

  /** The registries that do not have the instance, and what each did last. */
  get missing(): string {
    const missing = [...this.#known].filter(([, { registered }]) => !registered);
    return missing.map(([name, { seen }]) => `${name} ${seen}`).join(', ');
  }

  states(): [name: string, state: RegistryState][] {
    return [...this.#known].map(([name, { registered }]) => [name, registered ? 'registered' : 'pending']);
  }

  /** From here on nothing is known, after a resume. */
  reset(): void {
    for (const { name } of this.#adapters) this.#known.set(name, NOT_ASKED);
  }

  /**
   * Resolves when every registry has the instance, or `signal` aborts. A removal that is still on its way must not come
   * after that: `removed` resolves when there is none of that registry any more.
   */
  async registerAll(signal: AbortSignal, removed?: (registry: string) => Promise<void>): Promise<void> {
    await Promise.all(this.#adapters.map((adapter) => this.#register(adapter, signal, removed?.(adapter.name))));
  }

  async #register(adapter: RegistryAdapter, signal: AbortSignal, removed?: Promise<void>): Promise<void> {
    const isRemoved = removed === undefined || (await this.#isOver(removed, signal));
    const { name } = adapter;
    const onProgress = (seen: string): void => void this.#known.set(name, { registered: false, seen });
    if (await register(adapter, { ...this.#context, onProgress }, signal)) {
      this.#known.set(name, { registered: true, seen: 'has the instance' });
      this.#onRegistered();
    }
    // An adapter that ignores its signal may still remove what has just been registered.
    if (!isRemoved) void removed?.then(() => (signal.aborted ? undefined : this.#register(adapter, signal)));
  }

  /** Whether it is, after the time that one call of a registry may take. */
  async #isOver(removed: Promise<void>, signal: AbortSignal): Promise<boolean> {
    let isOver = false;
    const noted = removed.then(() => {
      isOver = true;
    });
    await settledWithin(this.#context.clock, REGISTRY_CALL_MS, noted, signal);
    return isOver;
  }
}
