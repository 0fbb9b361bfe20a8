import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TerminationReport, terminationMessage } from '../src/report.ts';
import { reportOf } from './support/report-of.ts';

/** What the kubelet reads: the last 4096 octets (MaxContainerTerminationMessageLength). */
const KUBELET_READS = 4_096;
const octets = (report: TerminationReport): number => Buffer.byteLength(terminationMessage(report));

const cut = (path: string) => ({ method: 'POST', path, ageMs: 24_750, cause: 'deadline' }) as const;
const registry = (name: string) =>
  ({
    name,
    outcome: 'confirmed',
    answer: 'removed',
    attempts: 1,
    removedAtMs: 1,
    confirmedAtMs: 200,
    reappeared: 0,
    reads: { gone: 2, visible: 0, unknown: 0 },
    error: null,
    closeError: null,
  }) as const;

describe('the termination message', () => {
  test('says how it ended, and about registries, requests and closers, in lines', () => {
    const message = terminationMessage(
      reportOf({
        outcome: 'forced',
        exitCode: 70,
        trigger: { kind: 'signal', detail: 'SIGTERM' },
        registries: [registry('consul'), registry('nacos')],
        requests: { ...reportOf({}).requests, cutCount: 1, cut: [cut('/orders')] },
        held: { atStart: 1, released: 0, cutCount: 1, cut: [{ name: 'mail', ageMs: 700 }] },
        closers: [
          { name: 'pool', outcome: 'timed-out', ms: 100, error: 'it had not ended after 100 ms', counts: null },
          { name: 'telemetry', outcome: 'done', ms: 1, error: null, counts: null },
        ],
      }),
    );
    expect(message.split('\n')).toEqual([
      'prestop: forced (exit 70) after 2300 ms, trigger signal SIGTERM',
      'registries: consul=confirmed nacos=confirmed',
      'requests: 0 late, 1 cut',
      'held work: 1 cut',
      'closers not done: pool',
      'cut (deadline): POST /orders after 24750 ms',
      'cut: held work mail after 700 ms',
    ]);
  });

  test('of a clean end is three lines', () => {
    expect(terminationMessage(reportOf({})).split('\n')).toEqual([
      'prestop: clean (exit 0) after 2300 ms, trigger prestop',
      'registries: none',
      'requests: 0 late, 0 cut',
    ]);
  });

  test('fits into what the kubelet reads, with its first line, in any script', () => {
    for (const character of ['x', 'é', '注', '🛑']) {
      const report = reportOf({
        trigger: { kind: 'fault', detail: character.repeat(3_000) },
        requests: { ...reportOf({}).requests, cut: Array.from({ length: 20 }, () => cut(`/${character.repeat(119)}`)) },
      });
      expect(octets(report)).toBeLessThanOrEqual(KUBELET_READS);
      expect(terminationMessage(report)).toMatch(/^prestop: clean \(exit 0\)/);
    }
  });

  test('fits for any report, and is never cut inside a character', () => {
    // Without the replacement character, which says below that something was cut.
    const text = fc.string({ unit: 'grapheme', maxLength: 400 }).map((some) => some.replaceAll('\ufffd', ''));
    fc.assert(
      fc.property(
        text,
        fc.array(text, { maxLength: 20 }),
        fc.array(text, { maxLength: 20 }),
        (detail, paths, names) => {
          const report = reportOf({
            trigger: { kind: 'call', detail },
            registries: names.map(registry),
            requests: { ...reportOf({}).requests, cut: paths.map(cut) },
          });
          const message = terminationMessage(report);
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(KUBELET_READS);
          expect(Buffer.from(message).toString()).toBe(message);
          expect(message).not.toContain('\ufffd');
        },
      ),
    );
  });
});
