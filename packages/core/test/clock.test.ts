import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { sleep, systemClock } from '../src/clock.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

describe('sleep', () => {
  test('resolves after its time, and leaves nothing', async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    let over = false;
    void sleep(clock, 100, signal).then(() => {
      over = true;
    });
    await clock.advance(99);
    expect(over).toBe(false);
    await clock.advance(1);
    expect([over, clock.pending, getEventListeners(signal, 'abort')]).toEqual([true, 0, []]);
  });

  test('resolves as soon as its signal aborts, and leaves nothing', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const asleep = sleep(clock, 100, controller.signal);
    controller.abort();
    await asleep;
    expect([clock.pending, getEventListeners(controller.signal, 'abort')]).toEqual([0, []]);
  });

  test('does not begin when its signal has aborted already', async () => {
    const clock = new FakeClock();
    await sleep(clock, 100, AbortSignal.abort());
    expect(clock.pending).toBe(0);
  });
});

describe('the system clock', () => {
  test('never goes back, and tells the date of now', () => {
    const [first, second] = [systemClock.now(), systemClock.now()];
    expect(second).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemClock.date().getTime() - Date.now())).toBeLessThan(1_000);
  });

  test('counts milliseconds', () => {
    const outer = performance.now();
    const from = systemClock.now();
    const inner = performance.now();
    while (performance.now() < inner + 5);
    const innerMs = performance.now() - inner;
    const ms = systemClock.now() - from;
    const outerMs = performance.now() - outer;
    const rounding = 0.001;
    expect(ms).toBeGreaterThanOrEqual(innerMs - rounding);
    expect(ms).toBeLessThanOrEqual(outerMs + rounding);
  });

  test('a call that was taken back does not come', async () => {
    let called = false;
    systemClock.after(0, () => {
      called = true;
    })();
    await settle(3);
    expect(called).toBe(false);
  });
});

describe('the fake clock', () => {
  test('runs timers by their instants, then in the order in which they were set; what they set off comes first', async () => {
    const clock = new FakeClock(0);
    const log: string[] = [];
    const note = (what: string) => () => void log.push(`${what} at ${clock.now()}`);
    clock.after(20, note('second'));
    clock.after(10, () => {
      note('first')();
      void Promise.resolve().then(() => clock.after(5, note('set off')));
    });
    clock.after(20, note('third'));
    await clock.advance(20);
    expect(log).toEqual(['first at 10', 'set off at 15', 'second at 20', 'third at 20']);
    expect([clock.now(), clock.pending]).toEqual([20, 0]);
  });
});
