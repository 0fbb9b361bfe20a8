import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unlessAborted } from '../src/abort.ts';
import { Serial } from '../src/serial.ts';

function deferred<Value>(): {
  promise: Promise<Value>;
  resolve: (value: Value) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

const wait = (before: Promise<unknown>): Promise<unknown> => before;

describe('Serial', () => {
  it('begins an operation when the one before has ended, even badly', async () => {
    const serial = new Serial();
    const first = deferred<string>();
    const order: string[] = [];
    const failed = serial.run(wait, () => first.promise).catch((error: Error) => order.push(error.message));
    const done = serial.run(wait, async () => order.push('second'));
    await Promise.resolve();
    expect(order).toEqual([]);
    first.reject(new Error('first'));
    await Promise.all([failed, done]);
    expect(order).toEqual(['first', 'second']);
  });

  it('runs nothing for who would not wait, and keeps the order for those after', async () => {
    const serial = new Serial();
    const first = deferred<void>();
    const order: string[] = [];
    const running = serial.run(wait, async () => {
      await first.promise;
      order.push('first');
    });
    const impatient = serial.run(
      () => Promise.reject(new Error('no time')),
      async () => order.push('impatient'),
    );
    const last = serial.run(wait, async () => order.push('last'));
    await expect(impatient).rejects.toThrow('no time');
    first.resolve();
    await Promise.all([running, last]);
    expect(order).toEqual(['first', 'last']);
  });
});

describe('unlessAborted', () => {
  const error = (): Error => new Error('aborted');

  it('gives the outcome and leaves no listener', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(1), signal, error)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error('x')), signal, error)).rejects.toThrow('x');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects with an abort before or meanwhile', async () => {
    const controller = new AbortController();
    const pending = unlessAborted(deferred<void>().promise, controller.signal, error);
    controller.abort();
    await expect(pending).rejects.toThrow('aborted');
    await expect(unlessAborted(Promise.resolve(1), controller.signal, error)).rejects.toThrow('aborted');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
