import type { SettledRequest } from '@prestop/testkit';
import { expect, it } from 'vitest';
import { Recorder } from '../../src/drill/recorder.ts';

const OLD = 'a:1';
const NEW = 'b:1';

function request(target: string, atMs: number, cause?: string): SettledRequest {
  const sent = { caller: 0, client: 'node', target, method: 'GET', path: '/', atMs } as const;
  return {
    ...sent,
    afterMs: 2,
    reusedSocket: false,
    requestOnConnection: 1,
    ...(cause === undefined ? {} : { cause }),
  };
}

function replay(recorder: Recorder, ...requests: readonly SettledRequest[]): void {
  for (const each of requests) {
    recorder.sent(each);
    recorder.settled(each);
  }
}

it('tells the pod before, late requests, others and lost ones apart, by when they were sent', () => {
  const recorder = new Recorder();
  recorder.follow(OLD);
  replay(recorder, request(OLD, 10), request(OLD, 20), request(NEW, 20));
  // Sent before the stop, and lost after it.
  const early = request(OLD, 95, 'ECONNRESET');
  recorder.sent(early);
  recorder.stopping(OLD, 100);
  recorder.settled(early);
  replay(recorder, request(OLD, 110), request(OLD, 120, 'ECONNREFUSED'), request(NEW, 130), request(NEW, 140, 'x'));
  expect(recorder.buckets()).toEqual({
    bucketMs: 50,
    buckets: [
      { atMs: 0, others: 1, before: 2, late: 0, lost: 0 },
      { atMs: 50, others: 0, before: 0, late: 0, lost: 1 },
      { atMs: 100, others: 1, before: 0, late: 1, lost: 2 },
    ],
  });
  expect(recorder.lateOf(OLD)).toEqual({ count: 2, lost: 1, lastAfterMs: 20 });
  expect(recorder.lateCount).toBe(2);
  expect(recorder.losses.map(({ cause }) => cause)).toEqual(['ECONNRESET', 'ECONNREFUSED', 'x']);
});

it('counts a pod that is back as the pod again', () => {
  const recorder = new Recorder();
  recorder.follow(OLD);
  recorder.stopping(OLD, 0);
  replay(recorder, request(OLD, 10));
  recorder.back(OLD);
  replay(recorder, request(OLD, 20));
  expect(recorder.buckets().buckets).toEqual([{ atMs: 0, others: 0, before: 1, late: 1, lost: 0 }]);
  expect(recorder.lateOf(NEW)).toEqual({ count: 0, lost: 0, lastAfterMs: 0 });
});

it('puts stretches together where there are too many, and loses none', () => {
  const recorder = new Recorder();
  replay(recorder, ...Array.from({ length: 1000 }, (_, index) => request(NEW, index * 50)));
  const { bucketMs, buckets } = recorder.buckets(200);
  expect([bucketMs, buckets.length]).toEqual([250, 200]);
  expect(buckets.reduce((sum, { others }) => sum + others, 0)).toBe(1000);
});
