import { describe, expect, it } from 'vitest';
import { diagnose, LOSS_WORDS, type LossKind } from '../../src/drill/diagnosis.ts';
import type { Loss } from '../../src/drill/recorder.ts';
import { loss, pod, timeline } from './support/results.ts';

const kindOf = (lost: Loss, stopped = pod(), excuses = false): LossKind | undefined =>
  diagnose([lost], [stopped], excuses)[0]?.kind;

describe('why a request was lost', () => {
  it.each<[LossKind, Parameters<typeof loss>[0]]>([
    ['exited-too-early', { sentMs: 3_200, cause: 'ECONNREFUSED', requestOnConnection: 0 }],
    ['exited-too-early', { sentMs: 3_098, cause: 'ECONNREFUSED', requestOnConnection: 0 }],
    ['listener-closed', { sentMs: 1_000, cause: 'ECONNREFUSED', requestOnConnection: 0 }],
    ['kept-alive-closed', { cause: 'ECONNRESET', requestOnConnection: 4 }],
    ['kept-alive-closed', { cause: 'UND_ERR_SOCKET', requestOnConnection: 2 }],
    ['kept-alive-closed', { cause: 'EPIPE', requestOnConnection: 2 }],
    ['fresh-connection-closed', { cause: 'ECONNRESET', requestOnConnection: 1 }],
    ['closed-in-flight', { sentMs: -200, afterMs: 210, requestOnConnection: 1 }],
    ['closed-in-flight', { afterMs: 150, requestOnConnection: 4 }],
    ['answer-cut', { cause: 'ECONNRESET', status: 200 }],
    ['exited-in-flight', { sentMs: 2_800, afterMs: 300 }],
    ['refused-by-status', { cause: 'status 503', status: 503 }],
    ['never-answered', { cause: 'ETIMEDOUT', afterMs: 30_000 }],
    ['not-by-the-stop', { sentMs: -500 }],
    ['not-by-the-stop', { target: '127.0.0.1:9' }],
    ['other', { cause: 'HPE_INVALID_CONSTANT' }],
  ])('%s: %j', (kind, lost) => {
    expect(kindOf(loss(lost))).toBe(kind);
  });

  it('tells SIGKILL from an exit', () => {
    const killed = pod({ timeline: timeline({ killed: true, exit: { code: null, signal: 'SIGKILL' } }) });
    expect(kindOf(loss({ sentMs: 2_800, afterMs: 300 }), killed)).toBe('killed-in-flight');
  });

  it('excuses what nobody could have answered, where the case takes the time away', () => {
    const stopped = pod({ lastMomentMs: 3_000, timeline: timeline({ exitedAtMs: 2_400 }) });
    const late = loss({ sentMs: 2_600, cause: 'ECONNREFUSED' });
    expect(kindOf(late, stopped, true)).toBe('after-the-last-moment');
    expect(kindOf(late, stopped, false)).toBe('exited-too-early');
    expect(kindOf(loss({ sentMs: 2_450, cause: 'ECONNREFUSED' }), stopped, true)).toBe('exited-too-early');
  });

  it('does not blame the stop for what is lost by a pod that is back', () => {
    expect(kindOf(loss({ sentMs: 5_000 }), pod({ readyAgainMs: 4_000 }))).toBe('not-by-the-stop');
  });

  it('groups by kind, the most frequent first, with when and a few examples', () => {
    const refused = Array.from({ length: 9 }, (_, index) =>
      loss({ sentMs: 3_300 + index * 100, cause: 'ECONNREFUSED', requestOnConnection: 0 }),
    );
    const causes = diagnose([loss(), ...refused], [pod()], false);
    expect(causes.map(({ kind, count }) => [kind, count])).toEqual([
      ['exited-too-early', 9],
      ['kept-alive-closed', 1],
    ]);
    expect(causes[0]).toMatchObject({ firstMs: 3_300, lastMs: 4_100 });
    expect(causes[0]?.what).toBe('the process had ended while callers still sent, 1 s too early');
    expect(causes[0]?.examples).toHaveLength(5);
    expect(causes[0]?.examples[0]).toEqual({
      method: 'GET',
      path: '/',
      client: 'node',
      cause: 'ECONNREFUSED',
      sentMs: 3_300,
      lostMs: 3_301,
      requestOnConnection: 0,
    });
  });

  it('has words for every kind', () => {
    for (const { what, remedy } of Object.values(LOSS_WORDS)) {
      expect(what).not.toBe('');
      expect(remedy).not.toBe('');
    }
  });
});
