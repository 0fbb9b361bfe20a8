import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from '../src/consul/heartbeat.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A heart whose beats end when the test says so. */
function heart(intervalMs = 1_000) {
  const beats: { end: () => void; fail: (error: Error) => void; signal: AbortSignal; isWanted: () => boolean }[] = [];
  const failures: unknown[] = [];
  let successes = 0;
  const heartbeat = new Heartbeat({
    intervalMs,
    beat: (signal, isWanted) =>
      new Promise((end, fail) => {
        signal.addEventListener('abort', () => fail(new Error('cancelled')));
        beats.push({ end, fail, signal, isWanted });
      }),
    onFailure: (error) => failures.push(error),
    onSuccess: () => {
      successes += 1;
    },
  });
  return { heartbeat, beats, failures, successes: () => successes };
}

const live = new AbortController().signal;
const giveUp = (): Error => new Error('given up');

describe('a heart', () => {
  it('beats from one interval after its start on, one interval apart', async () => {
    const { heartbeat, beats, successes } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(999);
    expect(beats).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(beats).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(400);
    beats[0]?.end();
    await vi.advanceTimersByTimeAsync(599);
    expect(beats).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(beats).toHaveLength(2);
    expect(successes()).toBe(1);
    heartbeat.stop();
  });

  it('never beats twice at once, and makes up for a slow beat at once', async () => {
    const { heartbeat, beats } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(beats).toHaveLength(1);
    beats[0]?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(beats).toHaveLength(2);
    heartbeat.stop();
  });

  it('goes on after a failure and says so', async () => {
    const { heartbeat, beats, failures } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(1_000);
    beats[0]?.fail(new Error('refused'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(failures).toEqual([new Error('refused')]);
    expect(beats).toHaveLength(2);
    heartbeat.stop();
  });

  it('stops at once, and a beat on the wire knows that it is not wanted any more', async () => {
    const { heartbeat, beats, failures } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(beats[0]?.isWanted()).toBe(true);
    heartbeat.stop();
    expect(beats[0]?.isWanted()).toBe(false);
    beats[0]?.fail(new Error('too late to matter'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(beats).toHaveLength(1);
    expect(failures).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is fenced only when the beat on the wire has ended', async () => {
    const { heartbeat, beats } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(1_000);
    let isFenced = false;
    const fenced = heartbeat.fence(live, giveUp).then(() => {
      isFenced = true;
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(isFenced).toBe(false);
    beats[0]?.end();
    await fenced;
    await heartbeat.fence(live, giveUp);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives up a fence with its signal, and cancels the beat', async () => {
    const { heartbeat, beats } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(1_000);
    const controller = new AbortController();
    const fenced = heartbeat.fence(controller.signal, giveUp);
    controller.abort();
    await expect(fenced).rejects.toThrow('given up');
    expect(beats[0]?.signal.aborted).toBe(true);
    await heartbeat.fence(live, giveUp);
  });

  it('may be started again, and a beat of its former life changes nothing', async () => {
    const { heartbeat, beats } = heart();
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(1_000);
    heartbeat.start();
    beats[0]?.end();
    await vi.advanceTimersByTimeAsync(999);
    expect(beats).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(beats).toHaveLength(2);
    heartbeat.stop();
  });
});
