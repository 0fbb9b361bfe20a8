import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withProgress } from '../src/servers/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('long work says every five seconds what it is at, and nothing after its end', async () => {
  const lines: string[] = [];
  const work = withProgress(
    'Consul',
    (line) => lines.push(line),
    async (note) => {
      await vi.advanceTimersByTimeAsync(5_000);
      note('compiling net/http');
      await vi.advanceTimersByTimeAsync(30_500);
      return 'built';
    },
  );
  expect(await work).toBe('built');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toHaveLength(7);
  expect(lines[0]).toBe('Consul: 5 s: at work');
  expect(lines.at(-1)).toBe('Consul: 35 s: compiling net/http');
  expect(vi.getTimerCount()).toBe(0);
});
