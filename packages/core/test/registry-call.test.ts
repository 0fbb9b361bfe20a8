import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { callRegistry, REGISTRY_CALL_MS } from '../src/registry-call.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

/** Follows a promise without leaving a rejection unhandled. */
function follow<Value>(promise: Promise<Value>): { value?: Value; error?: unknown; settled: boolean } {
  const state: { value?: Value; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(state, { value, settled: true }),
    (error: unknown) => Object.assign(state, { error, settled: true }),
  );
  return state;
}

describe('callRegistry', () => {
  test('gives the answer, and leaves neither timer nor listener', async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const call = follow(callRegistry(clock, signal, async () => 'gone'));
    await settle();
    expect(call.value).toBe('gone');
    expect([clock.pending, getEventListeners(signal, 'abort')]).toEqual([0, []]);
  });

  test('passes an error on as it is', async () => {
    const clock = new FakeClock();
    const thrown = new Error('refused');
    const { signal } = new AbortController();
    const asynchronous = follow(callRegistry(clock, signal, () => Promise.reject(thrown)));
    const synchronous = follow(
      callRegistry(clock, signal, () => {
        throw thrown;
      }),
    );
    await settle();
    expect([asynchronous.error, synchronous.error]).toEqual([thrown, thrown]);
    expect(clock.pending).toBe(0);
  });

  test('ends after 2 s, told to the adapter or not heard by it', async () => {
    const clock = new FakeClock();
    let told: AbortSignal | undefined;
    const call = follow(
      callRegistry(clock, new AbortController().signal, ({ signal }) => {
        told = signal;
        return new Promise(() => {});
      }),
    );
    await clock.advance(REGISTRY_CALL_MS - 1);
    expect([call.settled, told?.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect(call.error).toEqual(new Error('the registry did not answer within 2000 ms'));
    expect(told?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('ends with its signal, for the reason of the signal', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const call = follow(callRegistry(clock, controller.signal, () => new Promise(() => {})));
    await clock.advance(10);
    controller.abort(new Error('no time left'));
    await settle();
    expect(call.error).toEqual(new Error('no time left'));
    expect([clock.pending, getEventListeners(controller.signal, 'abort')]).toEqual([0, []]);
  });

  test('does not call at all when its signal has aborted already', async () => {
    let called = false;
    const call = follow(
      callRegistry(new FakeClock(), AbortSignal.abort(), async () => {
        called = true;
      }),
    );
    await settle();
    expect([call.settled, called]).toEqual([true, false]);
  });

  test('an adapter that fails after it was given up is not heard of again', async () => {
    const clock = new FakeClock();
    let fail: (reason: Error) => void = () => {};
    const call = follow(
      callRegistry(clock, new AbortController().signal, () => new Promise((_, reject) => (fail = reject))),
    );
    await clock.advance(REGISTRY_CALL_MS);
    expect(call.settled).toBe(true);
    fail(new Error('too late'));
    await settle();
  });
});
