import type { TerminationReport } from '../../src/report.ts';

/** A report of a clean, empty termination, with what a test wants changed. */
export function reportOf(changes: Partial<TerminationReport>): TerminationReport {
  return {
    version: 1,
    pid: 1,
    startedAt: '2026-01-02T03:04:05.678Z',
    trigger: { kind: 'prestop' },
    joined: [],
    joinedCount: 0,
    outcome: 'clean',
    exitCode: 0,
    totalMs: 2_300,
    budget: { terminationGracePeriodSeconds: 30, deadlineMs: 25_000, fastPath: false },
    phases: [],
    registries: [],
    lameDuck: { floorMs: 0, endedBy: 'quiet', quietWindowMs: 1_000, quietBasis: 'floor' },
    requests: {
      inFlightAtStart: 0,
      answered: 0,
      late: { count: 0, lastAfterMs: 0, callers: [] },
      cutCount: 0,
      cut: [],
    },
    held: { atStart: 0, released: 0, cutCount: 0, cut: [] },
    connections: { atStart: {}, shed: 0, forced: 0 },
    closers: [],
    ...changes,
  };
}
