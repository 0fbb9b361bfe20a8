import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const POLL_MS = 20;

export function pause(ms: number): Promise<void> {
  return sleep(ms);
}

/** Polls until `read` gives `expected`; what it throws meanwhile counts as another value. */
export async function eventually<Value>(read: () => Promise<Value>, expected: Value, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value: unknown = await read().catch((error: unknown) => error);
    if (value === expected) return;
    if (performance.now() > end) {
      throw new Error(`expected ${inspect(expected)} within ${withinMs} ms; the last was ${inspect(value)}`);
    }
    await sleep(POLL_MS);
  }
}

/** Polls for `forMs` and insists that `read` gives `expected` every time. */
export async function stays<Value>(read: () => Promise<Value>, expected: Value, forMs: number): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < forMs) {
    const value = await read();
    if (value !== expected) {
      const after = Math.round(performance.now() - started);
      throw new Error(`expected ${inspect(expected)} for ${forMs} ms; after ${after} ms it was ${inspect(value)}`);
    }
    await sleep(POLL_MS);
  }
}
