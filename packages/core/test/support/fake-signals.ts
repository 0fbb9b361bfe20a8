import { EventEmitter } from 'node:events';
import type { SignalSource } from '../../src/signals.ts';

/** Delivers signals to whoever listens, and counts who does. */
export class FakeSignals implements SignalSource {
  readonly #emitter = new EventEmitter();

  get listeners(): number {
    return this.#emitter.eventNames().reduce((sum, name) => sum + this.#emitter.listenerCount(name), 0);
  }

  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    this.#emitter.on(signal, listener);
  }

  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    this.#emitter.off(signal, listener);
  }

  /** @returns whether anybody listened. */
  send(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    return this.#emitter.emit(signal, signal);
  }
}
