import { describe, expect, test } from 'vitest';
import type { TerminationOutcome } from '../src/report.ts';
import { totalsWith, type WorkerReport, worstOutcome } from '../src/workers-report.ts';
import { reportOf } from './support/report-of.ts';

function worker(fields: Partial<WorkerReport>): WorkerReport {
  return {
    id: 1,
    kind: 'process',
    pid: 101,
    outcome: 'ended',
    exitCode: 0,
    signal: null,
    drainedAtMs: 5,
    endedAtMs: 10,
    error: null,
    report: reportOf({ outcome: 'clean' }),
    ...fields,
  };
}

describe('the worst outcome', () => {
  const ended = (outcome: TerminationOutcome): WorkerReport => worker({ report: reportOf({ outcome }) });

  test.each<[TerminationOutcome, TerminationOutcome, readonly WorkerReport[]]>([
    ['clean', 'clean', []],
    ['clean', 'clean', [ended('clean'), worker({ outcome: 'unstarted', report: null })]],
    ['closer-failed', 'clean', [ended('clean'), ended('closer-failed')]],
    ['forced', 'closer-failed', [ended('forced'), ended('closer-failed')]],
    ['forced', 'clean', [worker({ outcome: 'died' })]],
    ['forced', 'clean', [worker({ outcome: 'killed', report: null })]],
    ['forced', 'clean', [worker({ outcome: 'running' })]],
    ['fault', 'forced', [ended('fault')]],
    ['fault', 'fault', [ended('clean')]],
  ])('is %s of %s and its workers', (worst, own, workers) => {
    expect(worstOutcome(own, workers)).toBe(worst);
  });
});

describe('the totals', () => {
  const caller = { remoteAddress: '10.0.0.1', userAgent: 'caller/1', path: '/orders', count: 2, lastAfterMs: 40 };
  const cut = { method: 'GET', path: '/orders', ageMs: 900, cause: 'deadline' } as const;
  const part = reportOf({
    held: { atStart: 2, released: 1, cutCount: 1, cut: [{ name: 'orders', ageMs: 900 }] },
    requests: {
      inFlightAtStart: 3,
      answered: 5,
      late: { count: 2, lastAfterMs: 40, callers: [caller] },
      cutCount: 1,
      cut: [cut],
    },
    connections: { atStart: { idle: 2, active: 1 }, shed: 2, forced: 1 },
  });

  test('add up what the primary and its workers had, a caller named once', () => {
    const workers = [worker({ report: part }), worker({ report: null }), worker({ report: part })];
    expect(totalsWith(part, workers, 2)).toEqual({
      requests: {
        inFlightAtStart: 9,
        answered: 15,
        late: { count: 6, lastAfterMs: 40, callers: [{ ...caller, count: 6 }] },
        cutCount: 3,
        cut: [cut, cut],
      },
      held: { atStart: 6, released: 3, cutCount: 3, cut: [...part.held.cut, ...part.held.cut] },
      connections: { atStart: { idle: 6, active: 3 }, shed: 6, forced: 3 },
    });
  });

  test('without workers are the primary alone', () => {
    expect(totalsWith(part, [], 20)).toEqual({
      requests: part.requests,
      held: part.held,
      connections: part.connections,
    });
  });
});
