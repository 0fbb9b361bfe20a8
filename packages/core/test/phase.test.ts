import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEGAL_MOVES, PHASES, type Phase, type PhaseChange, PhaseMachine } from '../src/phase.ts';
import { FakeClock } from './support/fake-clock.ts';

const phase = fc.constantFrom<Phase[]>(...PHASES);

function machine(): { readonly phases: PhaseMachine; readonly changes: PhaseChange[] } {
  const changes: PhaseChange[] = [];
  return { phases: new PhaseMachine(new FakeClock(), (change) => changes.push(change)), changes };
}

describe('the table of moves', () => {
  test('a termination goes through every phase in order and skips none', () => {
    const path: readonly Phase[] = ['ready', 'deregistering', 'lame-duck', 'draining', 'closing', 'terminated'];
    const { phases, changes } = machine();
    for (const to of path) phases.moveTo(to);
    expect(changes.map(({ to }) => to)).toEqual(path);
  });

  test('moves go one phase on, except to deregister before being ready, and to be ready again', () => {
    const jumps = PHASES.flatMap((from, index) =>
      LEGAL_MOVES[from].filter((to) => PHASES.indexOf(to) !== index + 1).map((to) => `${from} → ${to}`),
    );
    expect(jumps).toEqual(['starting → deregistering', 'lame-duck → ready', 'draining → ready']);
  });

  test('nothing leaves `terminated`, and every other phase has a way to it', () => {
    expect(LEGAL_MOVES.terminated).toEqual([]);
    const reaches = (from: Phase, seen: readonly Phase[] = []): boolean =>
      from === 'terminated' || LEGAL_MOVES[from].some((to) => !seen.includes(to) && reaches(to, [...seen, from]));
    expect(PHASES.filter((from) => !reaches(from))).toEqual([]);
  });
});

describe('PhaseMachine', () => {
  test('whatever is asked for, it is only ever in a phase that a legal move led to', () => {
    fc.assert(
      fc.property(fc.array(phase, { maxLength: 60 }), (wishes) => {
        const { phases, changes } = machine();
        for (const to of wishes) {
          const from = phases.current;
          const legal = LEGAL_MOVES[from].includes(to);
          if (legal) phases.moveTo(to);
          else expect(() => phases.moveTo(to)).toThrowError(expect.objectContaining({ code: 'ERR_PRESTOP_PHASE' }));
          expect(phases.current).toBe(legal ? to : from);
        }
        let at: Phase = 'starting';
        for (const { from, to } of changes) {
          expect(from).toBe(at);
          expect(LEGAL_MOVES[from]).toContain(to);
          at = to;
        }
        expect(phases.current).toBe(at);
      }),
    );
  });

  test('a refused move says from where to where, and what would be allowed', () => {
    const { phases, changes } = machine();
    expect(() => phases.moveTo('closing')).toThrowError(
      expect.objectContaining({
        message: 'the phase cannot go from "starting" to "closing"',
        rule: 'from "starting" only to ready or deregistering',
        value: 'closing',
      }),
    );
    expect([phases.current, changes]).toEqual(['starting', []]);
  });

  test('a change carries the instant', async () => {
    const clock = new FakeClock();
    const changes: PhaseChange[] = [];
    const phases = new PhaseMachine(clock, (change) => changes.push(change));
    await clock.advance(40);
    phases.moveTo('ready');
    expect(changes).toEqual([{ from: 'starting', to: 'ready', at: 1_040 }]);
  });
});
