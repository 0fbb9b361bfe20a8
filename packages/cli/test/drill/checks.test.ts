import { describe, expect, it } from 'vitest';
import { caseNamed } from '../../src/drill/cases/case.ts';
import { checksFor, type Evidence, verdictOf, worstOf } from '../../src/drill/checks.ts';
import { diagnose } from '../../src/drill/diagnosis.ts';
import type { Check } from '../../src/drill/result.ts';
import { loss, pod, tally, timeline } from './support/results.ts';

function listed(more: Partial<Evidence> = {}): Check[] {
  return checksFor({
    case: caseNamed('rolling'),
    pods: [pod()],
    faults: [],
    losses: [],
    tally: tally(),
    graceSeconds: 30,
    maxExitMs: undefined,
    starved: 0,
    longestLagMs: 2_000,
    ...more,
  });
}

const check = (more?: Partial<Evidence>) => Object.fromEntries(listed(more).map((each) => [each.id, each]));

const verdict = (more?: Partial<Evidence>) => verdictOf(Object.values(check(more)));

describe('the checks', () => {
  it('pass where nothing is wrong', () => {
    const checks = check();
    expect(Object.keys(checks)).toEqual(['answered', 'in-time', 'exit-code', 'hook', 'tested']);
    expect(Object.values(checks).map(({ outcome }) => outcome)).toEqual(Array(5).fill('pass'));
    expect(verdict()).toBe('passed');
  });

  it('fail for a lost request, with why and what helps', () => {
    const losses = diagnose([loss({ cause: 'ECONNREFUSED' })], [pod()], false);
    const lost = { losses, tally: tally({ lostCount: 1 }) };
    expect(check(lost)['answered']).toMatchObject({
      outcome: 'fail',
      detail: '1 lost of 1765 requests, 120 of them late: the listener was closed while callers still connected',
      remedy: expect.stringContaining('keep listening'),
    });
    expect(verdict(lost)).toBe('failed');
  });

  it('fail for a liveness probe for which the kubelet would have restarted the container', () => {
    expect(check({ liveness: { asked: 7, restarts: [] } })['liveness']).toMatchObject({
      outcome: 'pass',
      detail: '7 times',
    });
    const dead = { liveness: { asked: 7, restarts: [{ pod: 'pod-1', failures: 3, got: 'status 503' }] } };
    expect(check(dead)['liveness']).toMatchObject({
      outcome: 'fail',
      detail: 'pod-1: status 503, 3 times in a row; the kubelet would have restarted it',
      remedy: expect.stringContaining('in every phase'),
    });
    expect(verdict(dead)).toBe('failed');
  });

  it('fail for a hook that had not ended when the signal came, but where the case cuts it short', () => {
    const hooks = [{ startedAtMs: 0 }];
    for (const hook of [hooks[0], { startedAtMs: 0, endedAtMs: 3_050, error: 'ECONNRESET' }]) {
      const pods = [pod({ timeline: timeline({ hooks: [{ startedAtMs: 0, ...hook }] }) })];
      expect(check({ pods })['hook']).toMatchObject({
        outcome: 'fail',
        detail: 'pod-1: it had not ended after 3 s, the grace period; SIGTERM came with 2 s left',
      });
    }
    const again = { startedAtMs: 3_500, endedAtMs: 3_600, status: 200 };
    const restarted = [
      pod({ timeline: timeline({ hooks: [{ startedAtMs: 0, endedAtMs: 3_000, status: 200 }, again] }) }),
    ];
    expect(check({ pods: restarted })['hook']).toMatchObject({ outcome: 'pass' });
    const given = [pod({ timeline: timeline({ hooks }) })];
    expect(check({ pods: given, case: caseNamed('force-delete') })['hook']).toMatchObject({ outcome: 'pass' });
  });

  it('do not fail for what nobody could have answered', () => {
    const pods = [pod({ lastMomentMs: 3_000 })];
    const losses = diagnose([loss({ sentMs: 2_900, cause: 'ECONNREFUSED' })], pods, true);
    const excused = { pods, losses, tally: tally({ lostCount: 1 }), case: caseNamed('force-delete') };
    expect(check(excused)['answered']).toMatchObject({
      outcome: 'pass',
      detail: '0 lost of 1765 requests, 120 of them late; 1 more were sent too late for anybody to answer',
    });
    expect(verdict(excused)).toBe('passed');
  });

  it('fail for SIGKILL, and for an exit that took longer than was asked for', () => {
    const killed = [pod({ timeline: timeline({ killed: true, exitedAtMs: 30_000, totalMs: 30_000 }) })];
    expect(check({ pods: killed })['in-time']).toMatchObject({
      outcome: 'fail',
      detail: expect.stringContaining('30 s'),
    });
    expect(check({ pods: killed })['exit-code']).toBeUndefined();
    expect(check({ pods: [...killed, pod()] })['exit-code']).toMatchObject({ outcome: 'pass' });
    expect(check({ maxExitMs: 3_000 })['in-time']).toMatchObject({ outcome: 'fail' });
    expect(check({ maxExitMs: 3_200 })['in-time']).toMatchObject({ outcome: 'pass' });
  });

  it('warn of another exit code, and of a signal that nobody handled', () => {
    const code = [pod({ timeline: timeline({ exit: { code: 70, signal: null } }) })];
    expect(check({ pods: code })['exit-code']).toMatchObject({ outcome: 'warn', detail: 'pod-1 ended with code 70' });
    const signal = [pod({ timeline: timeline({ exit: { code: null, signal: 'SIGTERM' } }) })];
    expect(check({ pods: signal })['exit-code']).toMatchObject({
      outcome: 'warn',
      remedy: expect.stringMatching(/first process/),
    });
    expect(verdict({ pods: signal })).toBe('passed');
  });

  it('fail for a hook that fails, or that the service does not know', () => {
    const refused = timeline({ hooks: [{ startedAtMs: 0, endedAtMs: 1, error: 'ECONNREFUSED' }] });
    expect(check({ pods: [pod({ timeline: refused })] })['hook']).toMatchObject({ outcome: 'fail' });
    const unknown = timeline({ hooks: [{ startedAtMs: 0, endedAtMs: 1, status: 404 }] });
    expect(check({ pods: [pod({ timeline: unknown })] })['hook']).toMatchObject({
      outcome: 'fail',
      detail: 'pod-1: status 404, which the kubelet takes for success',
    });
  });

  it('forgive the kubelet its own restart', () => {
    const cut = timeline({
      hooks: [
        { startedAtMs: 0, endedAtMs: 500, error: 'CUT' },
        { startedAtMs: 500, endedAtMs: 3_000, status: 200 },
      ],
    });
    const pods = [pod({ timeline: cut })];
    expect(check({ pods, case: caseNamed('kubelet-restart') })['hook']).toMatchObject({ outcome: 'pass' });
    expect(check({ pods })['hook']).toMatchObject({ outcome: 'fail' });
  });

  it('say which faults were answered', () => {
    const outcome = (ok: boolean) => ({ atMs: 100, ok, detail: ok ? 'answered 200' : 'ECONNRESET' });
    const faults = [
      { name: 'half-head', pod: 'pod-1', outcomes: [outcome(true), outcome(false)] },
      { name: 'pipelined', pod: 'pod-1', outcomes: [outcome(true)] },
      { name: 'open-stream', pod: 'pod-1', outcomes: [outcome(false)] },
      { name: 'frozen-process', pod: 'pod-1', outcomes: [] },
    ] as const;
    const checks = check({ faults });
    expect(checks['fault:half-head']).toMatchObject({
      outcome: 'fail',
      detail: 'pod-1: 1 of 2 failed, at 100 ms: ECONNRESET',
    });
    expect(checks['fault:pipelined']).toMatchObject({ outcome: 'pass' });
    expect(checks['fault:open-stream']).toMatchObject({ remedy: expect.stringContaining('end streams in order') });
    expect(checks).not.toHaveProperty('fault:frozen-process');
  });

  it('say it once for all pods, so that a check can be told by its name', () => {
    const on = (name: string, ok: boolean) =>
      ({ name: 'half-head', pod: name, outcomes: [{ atMs: 100, ok, detail: ok ? 'answered 200' : 'EPIPE' }] }) as const;
    const faults = [on('pod-1', true), on('pod-2', false), on('pod-3', false)];
    expect(listed({ faults }).filter(({ id }) => id === 'fault:half-head')).toMatchObject([
      {
        title: 'half-head: answered as it should be',
        outcome: 'fail',
        detail: 'pod-2: 1 of 1 failed, at 100 ms: EPIPE; pod-3: 1 of 1 failed, at 100 ms: EPIPE',
      },
    ]);
    const passed = check({ faults: [on('pod-1', true), on('pod-2', true)] })['fault:half-head'];
    expect(passed).toMatchObject({ outcome: 'pass', detail: 'pod-1: 1 of 1; pod-2: 1 of 1' });
  });

  it('do not take an idle drill for a passed one', () => {
    const pods = [pod({ late: { count: 3, lost: 0, lastAfterMs: 100 } })];
    expect(verdict({ pods })).toBe('inconclusive');
    expect(verdict({ pods, longestLagMs: 0 })).toBe('passed');
    expect(verdict({ starved: 2 })).toBe('inconclusive');
  });

  it('ask a pod that is not deleted to come back', () => {
    const left = { case: caseNamed('hook-only') };
    expect(check({ ...left })['back']).toMatchObject({ outcome: 'fail', detail: 'pod-1 was not ready again' });
    const unlisted = [pod({ readyAgainMs: 9_000 })];
    expect(check({ ...left, pods: unlisted })['back']).toMatchObject({ outcome: 'fail' });
    const back = [pod({ readyAgainMs: 9_000, listedAgainMs: 9_100, answeredAfterwards: 40 })];
    expect(check({ ...left, pods: back })['back']).toMatchObject({ outcome: 'pass' });
    expect(Object.keys(check({ ...left, pods: back }))).not.toContain('in-time');
    expect(Object.keys(check({ case: caseNamed('liveness-restart'), pods: back }))).toContain('in-time');
  });
});

it('the worst verdict counts', () => {
  expect(worstOf(['passed', 'inconclusive', 'failed'])).toBe('failed');
  expect(worstOf(['passed', 'inconclusive'])).toBe('inconclusive');
  expect(worstOf([])).toBe('passed');
});
