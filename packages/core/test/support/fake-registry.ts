import type { Clock } from '../../src/clock.ts';
import { RegistryError, type RegistryErrorKind } from '../../src/errors.ts';
import type { RegistryAdapter, RegistryCallOptions, Sighting } from '../../src/registry.ts';

/** What one call does instead of the ordinary: each call takes the next entry of its script, and the last one stays. */
export type Fault =
  | 'ok'
  /** Never answers; obeys its signal. */
  | 'hang'
  /** Never answers and does not even look at its signal. */
  | 'deaf'
  /** Is done only after this many milliseconds, whatever its signal says. */
  | { readonly deafMs: number }
  /** Answers only after this many milliseconds. */
  | { readonly slowMs: number }
  /** Fails with this kind of error. */
  | { readonly refuse: RegistryErrorKind }
  /** Throws something that is no RegistryError. */
  | 'rubbish'
  /** `check` only: an answer that proves nothing. */
  | 'unknown'
  /** `check` only: the instance is shown although it was removed, or was put back. */
  | 'visible'
  /** `check` only: the instance is not shown although it is there. */
  | 'gone'
  /** `deregister` only: there was nothing to remove. */
  | 'absent';

export interface FakeRegistryScript {
  readonly name?: string;
  readonly settleMs?: number;
  readonly register?: readonly Fault[];
  readonly deregister?: readonly Fault[];
  readonly check?: readonly Fault[];
  readonly close?: readonly Fault[];
}

type Method = 'register' | 'deregister' | 'check' | 'close';

/** A registry of one instance that does as its script says, and keeps account of what it was asked. */
export class FakeRegistry implements RegistryAdapter {
  readonly name: string;
  readonly settleMs: number;
  /** Every call, with the clock's instant. */
  readonly calls: { readonly method: Method; readonly at: number }[] = [];
  /** Calls that were begun and have not ended. */
  open = 0;
  /** Those among them that will never end, whatever their signal says. */
  deafCalls = 0;
  listed = false;
  readonly #clock: Clock;
  readonly #script: FakeRegistryScript;
  readonly #done: Record<Method, number> = { register: 0, deregister: 0, check: 0, close: 0 };

  constructor(clock: Clock, script: FakeRegistryScript = {}) {
    this.#clock = clock;
    this.#script = script;
    this.name = script.name ?? 'fake';
    this.settleMs = script.settleMs ?? 0;
  }

  count(method: Method): number {
    return this.#done[method];
  }

  /** Somebody else puts the instance back: a stray heartbeat, a second writer. */
  putBack(): void {
    this.listed = true;
  }

  async register(options: RegistryCallOptions): Promise<void> {
    await this.#act('register', options);
    this.listed = true;
  }

  async deregister(options: RegistryCallOptions): Promise<'removed' | 'absent'> {
    const fault = await this.#act('deregister', options);
    const answer = this.listed && fault !== 'absent' ? 'removed' : 'absent';
    this.listed = false;
    return answer;
  }

  async check(options: RegistryCallOptions): Promise<Sighting> {
    const fault = await this.#act('check', options);
    if (fault === 'unknown' || fault === 'visible' || fault === 'gone') return fault;
    return this.listed ? 'visible' : 'gone';
  }

  async close(): Promise<void> {
    await this.#act('close', { signal: new AbortController().signal });
  }

  async #act(method: Method, { signal }: RegistryCallOptions): Promise<Fault> {
    this.calls.push({ method, at: this.#clock.now() });
    const script = this.#script[method] ?? ['ok'];
    const fault = script[Math.min(this.#done[method], script.length - 1)] ?? 'ok';
    this.#done[method] += 1;
    this.open += 1;
    try {
      await this.#suffer(fault, signal);
    } finally {
      this.open -= 1;
    }
    return fault;
  }

  async #suffer(fault: Fault, signal: AbortSignal): Promise<void> {
    if (fault === 'rubbish') throw new SyntaxError('Unexpected token < in JSON');
    if (fault === 'hang') return new Promise((_, reject) => onAbort(signal, () => reject(signal.reason)));
    if (fault === 'deaf') {
      this.deafCalls += 1;
      return new Promise(() => {});
    }
    if (typeof fault !== 'object') return undefined;
    if ('deafMs' in fault) return new Promise((resolve) => void this.#clock.after(fault.deafMs, resolve));
    if ('refuse' in fault) throw new RegistryError(this.name, fault.refuse, `refused (${fault.refuse})`);
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(fault.slowMs, resolve);
      onAbort(signal, () => {
        cancel();
        reject(signal.reason);
      });
    });
  }
}

function onAbort(signal: AbortSignal, run: () => void): void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
}
