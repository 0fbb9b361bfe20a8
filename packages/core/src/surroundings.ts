import { type Clock, systemClock } from './clock.ts';
import type { SignalSource } from './signals.ts';

/** What a lifecycle takes from its surroundings; tests bring their own. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: SignalSource;
  readonly exit: (code: number) => void;
}

/** Those of this process. */
export const PROCESS: Surroundings = {
  clock: systemClock,
  random: () => Math.random(),
  signals: process,
  exit: (code) => process.exit(code),
};
