import { describe, expect, test } from 'vitest';
import { Deadline } from '../src/deadline.ts';
import { FakeClock } from './support/fake-clock.ts';

describe('Deadline', () => {
  test('aborts its signal at the instant, not before', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 1_000);
    await clock.advance(999);
    expect([deadline.reached, deadline.remaining()]).toEqual([false, 1]);
    await clock.advance(1);
    expect([deadline.reached, deadline.remaining()]).toEqual([true, 0]);
    expect(deadline.signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('comes nearer when asked to, and leaves no second timer', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 1_000);
    deadline.advanceTo(clock.now() + 100);
    expect([deadline.remaining(), clock.pending]).toEqual([100, 1]);
    await clock.advance(100);
    expect([deadline.reached, clock.pending]).toEqual([true, 0]);
  });

  test('never moves away when asked to come nearer', () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 1_000);
    const { at } = deadline;
    deadline.advanceTo(at + 1);
    deadline.advanceTo(at);
    expect(deadline.at).toBe(at);
  });

  test('stays where it was once it is reached', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 10);
    const { at } = deadline;
    await clock.advance(10);
    deadline.advanceTo(at - 5);
    expect([deadline.at, clock.pending]).toEqual([at, 0]);
  });

  test('moves away when more time is granted, and leaves no second timer', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 10);
    const { signal } = deadline;
    deadline.postponeTo(clock.now() + 100);
    deadline.postponeTo(clock.now() + 50);
    expect([deadline.remaining(), clock.pending]).toEqual([100, 1]);
    await clock.advance(99);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    deadline.postponeTo(clock.now() + 100);
    expect([signal.aborted, deadline.remaining(), clock.pending]).toEqual([true, 0, 0]);
  });

  test('an instant that has passed already is reached in the next turn, and what is left is never negative', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() - 500);
    expect([deadline.reached, deadline.remaining()]).toEqual([false, 0]);
    await clock.advance(0);
    expect(deadline.reached).toBe(true);
  });

  test('dispose frees the timer and leaves the signal as it is', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, clock.now() + 10);
    deadline.dispose();
    expect(clock.pending).toBe(0);
    await clock.advance(100);
    expect(deadline.reached).toBe(false);
  });
});
