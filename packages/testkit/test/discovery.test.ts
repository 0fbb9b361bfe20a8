import { afterEach, describe, expect, it, vi } from 'vitest';
import { evenLags, StaleDirectory, Watcher } from '../src/discovery.ts';

describe('StaleDirectory', () => {
  it('shows an addition at once, whatever the lag', () => {
    const directory = new StaleDirectory(1000);
    expect(directory.update(['a:1'], 0)).toBe(true);
    expect(directory.update(['a:1', 'b:1'], 20)).toBe(true);
    expect(directory.update(['a:1', 'b:1'], 40)).toBe(false);
    expect(directory.view(1000, 40)).toEqual(['a:1', 'b:1']);
  });

  it('shows a removal to each consumer exactly its own lag later', () => {
    const directory = new StaleDirectory(1000);
    directory.update(['a:1', 'b:1'], 0);
    directory.update(['b:1'], 100);
    const knowing = (nowMs: number) => [250, 500, 1000].map((lag) => directory.view(lag, nowMs).includes('a:1'));
    expect(knowing(100)).toEqual([true, true, true]);
    expect(knowing(349)).toEqual([true, true, true]);
    expect(knowing(350)).toEqual([false, true, true]);
    expect(knowing(1099)).toEqual([false, false, true]);
    expect(knowing(1100)).toEqual([false, false, false]);
  });

  it('shows a removal without lag at once', () => {
    const directory = new StaleDirectory(0);
    directory.update(['a:1'], 0);
    directory.update([], 100);
    expect(directory.view(0, 100)).toEqual([]);
  });

  it('counts the lag from the first listing without the target, also while polls go on', () => {
    const directory = new StaleDirectory(1000);
    directory.update(['a:1'], 0);
    for (let nowMs = 100; nowMs < 1100; nowMs += 20) directory.update([], nowMs);
    expect(directory.view(1000, 1099)).toEqual(['a:1']);
    expect(directory.view(1000, 1100)).toEqual([]);
  });

  it('forgets a removal that was taken back', () => {
    const directory = new StaleDirectory(1000);
    directory.update(['a:1'], 0);
    directory.update([], 100);
    expect(directory.update(['a:1'], 200)).toBe(true);
    expect(directory.view(10, 5000)).toEqual(['a:1']);
  });
});

it('spreads lags evenly, and the last one is the whole lag', () => {
  expect(evenLags(4, 200)).toEqual([50, 100, 150, 200]);
  expect(evenLags(3, 0)).toEqual([0, 0, 0]);
});

describe('Watcher', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('keeps the last listing while polls fail, and counts the failures', async () => {
    vi.useFakeTimers();
    const directory = new StaleDirectory(0);
    let up = true;
    const discover = async () => {
      if (!up) throw new Error('registry down');
      return ['a:1'];
    };
    const watcher = new Watcher(discover, directory, 20);
    await vi.advanceTimersByTimeAsync(0);
    up = false;
    await vi.advanceTimersByTimeAsync(100);
    expect(directory.view(0, performance.now())).toEqual(['a:1']);
    expect(watcher.failures).toBe(5);
    watcher.stop();
    await vi.advanceTimersByTimeAsync(100);
    expect([watcher.failures, vi.getTimerCount()]).toEqual([5, 0]);
  });

  it('wakes who waits for an addition, and everybody when it stops', async () => {
    vi.useFakeTimers();
    const listed: string[] = [];
    const watcher = new Watcher(async () => listed, new StaleDirectory(0), 20);
    const first = vi.fn();
    void watcher.nextAddition().then(first);
    await vi.advanceTimersByTimeAsync(100);
    expect(first).not.toHaveBeenCalled();
    listed.push('a:1');
    await vi.advanceTimersByTimeAsync(20);
    expect(first).toHaveBeenCalledOnce();
    const second = watcher.nextAddition();
    watcher.stop();
    await second;
    await watcher.nextAddition();
  });
});
