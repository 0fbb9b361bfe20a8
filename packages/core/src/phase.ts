import type { Clock } from './clock.ts';
import { LifecycleError } from './errors.ts';

/** The phases of a service's life, in order. */
export const PHASES = ['starting', 'ready', 'deregistering', 'lame-duck', 'draining', 'closing', 'terminated'] as const;

export type Phase = (typeof PHASES)[number];

/** From each phase, where it may go. `ready` after `lame-duck` or `draining` is a resume. */
export const LEGAL_MOVES: Readonly<Record<Phase, readonly Phase[]>> = {
  starting: ['ready', 'deregistering'],
  ready: ['deregistering'],
  deregistering: ['lame-duck'],
  'lame-duck': ['draining', 'ready'],
  draining: ['closing', 'ready'],
  closing: ['terminated'],
  terminated: [],
};

export interface PhaseChange {
  readonly from: Phase;
  readonly to: Phase;
  /** When, on the clock's scale. */
  readonly at: number;
}

/** Holds the phase and allows legal moves only. */
export class PhaseMachine {
  readonly #clock: Clock;
  readonly #onChange: (change: PhaseChange) => void;
  #current: Phase = 'starting';

  constructor(clock: Clock, onChange: (change: PhaseChange) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get current(): Phase {
    return this.#current;
  }

  /** @throws LifecycleError `ERR_PRESTOP_PHASE` when the move is not legal. */
  moveTo(to: Phase): void {
    const from = this.#current;
    if (!LEGAL_MOVES[from].includes(to)) {
      throw new LifecycleError('ERR_PRESTOP_PHASE', `the phase cannot go from "${from}" to "${to}"`, {
        rule: `from "${from}" only to ${LEGAL_MOVES[from].join(' or ') || 'nowhere'}`,
        value: to,
      });
    }
    this.#current = to;
    this.#onChange({ from, to, at: this.#clock.now() });
  }
}
