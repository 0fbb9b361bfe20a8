import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PodTimeline, runTermination, type TerminatePodOptions } from '../src/kubelet.ts';
import type { HookRecord, HookSender } from '../src/kubelet-hook.ts';
import type { Container, ServiceExit } from '../src/process.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const NEVER = Number.POSITIVE_INFINITY;

/** A process that ends `exitMs` after the stop signal. */
class FakeContainer implements Container {
  readonly exited: Promise<ServiceExit>;
  readonly signals: string[] = [];
  readonly #exitMs: number;
  #end: (exit: ServiceExit) => void = () => undefined;
  #running = true;

  constructor(exitMs: number) {
    this.#exitMs = exitMs;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  signal(name: NodeJS.Signals): boolean {
    if (!this.#running) return false;
    this.signals.push(name);
    if (name === 'SIGKILL') this.end(null, name);
    else if (this.#exitMs !== NEVER) setTimeout(() => this.end(0, null), this.#exitMs);
    return true;
  }

  end(code: number | null, signal: NodeJS.Signals | null): void {
    this.#running = false;
    this.#end({ code, signal, atMs: performance.now() });
  }
}

/** Hooks that are answered after the given times, one for each delivery. */
function fakeSender(...hookMs: number[]): HookSender & { cuts: number } {
  let sent = 0;
  const sender = {
    cuts: 0,
    send(_hook: unknown, sinceDeletionMs: () => number) {
      const ms = hookMs[sent++] ?? 0;
      const record: { -readonly [Key in keyof HookRecord]: HookRecord[Key] } = { startedAtMs: sinceDeletionMs() };
      let finish: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        finish = () => {
          record.endedAtMs ??= sinceDeletionMs();
          resolve();
        };
        if (ms !== NEVER) setTimeout(finish, ms);
      });
      const cut = () => {
        if (record.endedAtMs !== undefined) return;
        sender.cuts += 1;
        record.error = 'CUT';
        finish();
      };
      return { ended, record: () => ({ ...record }), cut };
    },
    close: () => undefined,
  };
  return sender;
}

async function terminate(
  container: Container,
  options: TerminatePodOptions,
  sender: HookSender = fakeSender(),
): Promise<PodTimeline> {
  const timeline = runTermination(container, options, sender);
  timeline.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(120_000);
  return timeline;
}

const preStop = { port: 9090, path: '/prestop' };

describe('without a hook', () => {
  it('signals at once and ends with the process', async () => {
    const container = new FakeContainer(300);
    const timeline = await terminate(container, { gracePeriodSeconds: 30 });
    expect(container.signals).toEqual(['SIGTERM']);
    expect(timeline).toMatchObject({ sigtermAtMs: 0, exitedAtMs: 300, totalMs: 300, killed: false, hooks: [] });
    expect(timeline).toMatchObject({ exit: { code: 0, signal: null } });
    expect(timeline).not.toHaveProperty('hook');
  });

  it('kills at the end of the grace period', async () => {
    const timeline = await terminate(new FakeContainer(NEVER), { gracePeriodSeconds: 5 });
    expect(timeline).toMatchObject({ sigtermAtMs: 0, exitedAtMs: 5000, killed: true, exit: { signal: 'SIGKILL' } });
  });

  it('never grants less than 2 s, not even to a forced deletion', async () => {
    const timeline = await terminate(new FakeContainer(NEVER), { gracePeriodSeconds: 0 });
    expect(timeline.exitedAtMs).toBe(2000);
  });

  it('sends the stop signal that the image names', async () => {
    const container = new FakeContainer(0);
    await terminate(container, { gracePeriodSeconds: 5, stopSignal: 'SIGQUIT' });
    expect(container.signals).toEqual(['SIGQUIT']);
  });
});

describe('with a hook', () => {
  it('signals when the hook has ended and takes its whole seconds off the grace period', async () => {
    const timeline = await terminate(new FakeContainer(NEVER), { gracePeriodSeconds: 20, preStop }, fakeSender(3900));
    expect(timeline).toMatchObject({ hook: { startedAtMs: 0, endedAtMs: 3900 }, sigtermAtMs: 3900, killed: true });
    expect(timeline.exitedAtMs).toBe(3900 + 17_000);
  });

  it('does not cancel a hook that is longer than the grace period, and leaves 2 s', async () => {
    const sender = fakeSender(NEVER);
    const container = new FakeContainer(NEVER);
    const running = runTermination(container, { gracePeriodSeconds: 4, preStop }, sender);
    await vi.advanceTimersByTimeAsync(5999);
    expect([container.signals, sender.cuts]).toEqual([['SIGTERM'], 0]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await running).toMatchObject({ sigtermAtMs: 4000, exitedAtMs: 6000, killed: true });
  });

  it('has nobody to signal when the process ended during the hook', async () => {
    const container = new FakeContainer(NEVER);
    setTimeout(() => container.end(1, null), 500);
    const timeline = await terminate(container, { gracePeriodSeconds: 4, preStop }, fakeSender(600));
    expect(timeline).toMatchObject({ exitedAtMs: 500, killed: false, exit: { code: 1 } });
    expect(timeline).not.toHaveProperty('sigtermAtMs');
  });

  it('can leave the signal away: a mistaken call', async () => {
    const container = new FakeContainer(NEVER);
    const options = { gracePeriodSeconds: 10, preStop, stopSignal: 'none' } as const;
    const timeline = await terminate(container, options, fakeSender(700));
    expect(container.signals).toEqual([]);
    expect(timeline).toMatchObject({ totalMs: 700, killed: false });
    expect(timeline).not.toHaveProperty('exit');
  });
});

describe('redelivery', () => {
  it('at once: waits for both', async () => {
    const options = { gracePeriodSeconds: 10, preStop, redelivery: 'at-once' } as const;
    const timeline = await terminate(new FakeContainer(0), options, fakeSender(500, 900));
    expect(timeline.hooks.map((hook) => hook.startedAtMs)).toEqual([0, 0]);
    expect(timeline.sigtermAtMs).toBe(900);
  });

  it('after the answer: the second has the full grace period', async () => {
    const options = { gracePeriodSeconds: 5, preStop, redelivery: 'after-answer' } as const;
    const timeline = await terminate(new FakeContainer(NEVER), options, fakeSender(3000, 1000));
    expect(timeline.hooks.map((hook) => hook.startedAtMs)).toEqual([0, 3000]);
    expect(timeline).toMatchObject({ sigtermAtMs: 4000, exitedAtMs: 8000 });
  });

  it('restart of the kubelet during the hook: the connection breaks and all begins again', async () => {
    const options = { gracePeriodSeconds: 5, preStop, redelivery: { kubeletRestartAfterMs: 1000 } };
    const timeline = await terminate(new FakeContainer(NEVER), options, fakeSender(3000, 1500));
    expect(timeline.hooks).toMatchObject([{ error: 'CUT', endedAtMs: 1000 }, { startedAtMs: 1000 }]);
    expect(timeline).toMatchObject({ sigtermAtMs: 2500, exitedAtMs: 6500 });
  });

  it('restart of the kubelet after the signal: the hook again, the signal not', async () => {
    const container = new FakeContainer(NEVER);
    const options = { gracePeriodSeconds: 5, preStop, redelivery: { kubeletRestartAfterMs: 3000 } };
    const timeline = await terminate(container, options, fakeSender(1000, 500));
    expect(container.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(timeline).toMatchObject({ sigtermAtMs: 1000, exitedAtMs: 8500, killed: true });
  });
});

describe('a shorter grace period', () => {
  it('lets a running hook end, then sends it again within the new period', async () => {
    const options = { gracePeriodSeconds: 30, preStop, graceShortened: { afterMs: 1000, gracePeriodSeconds: 3 } };
    const timeline = await terminate(new FakeContainer(NEVER), options, fakeSender(4000, 1000));
    expect(timeline.hooks.map((hook) => hook.startedAtMs)).toEqual([0, 4000]);
    expect(timeline).toMatchObject({ sigtermAtMs: 5000, exitedAtMs: 7000, killed: true });
  });

  it('ends a sleep of the kubelet itself, and runs it again within the new period', async () => {
    const sleep = { sleepSeconds: 4 };
    const options = {
      gracePeriodSeconds: 30,
      preStop: sleep,
      graceShortened: { afterMs: 1000, gracePeriodSeconds: 3 },
    };
    const timeline = await terminate(new FakeContainer(NEVER), options, fakeSender(4000, 4000));
    expect(timeline.hooks).toMatchObject([{ error: 'CUT', endedAtMs: 1000 }, { startedAtMs: 1000 }]);
    expect(timeline).toMatchObject({ sigtermAtMs: 4000, exitedAtMs: 6000, killed: true });
  });

  it('cuts the wait after the signal', async () => {
    const options = { gracePeriodSeconds: 30, graceShortened: { afterMs: 1000, gracePeriodSeconds: 3 } };
    const timeline = await terminate(new FakeContainer(NEVER), options);
    expect(timeline).toMatchObject({ sigtermAtMs: 0, exitedAtMs: 4000, killed: true });
  });

  it('changes nothing once the process has ended', async () => {
    const options = { gracePeriodSeconds: 30, preStop, graceShortened: { afterMs: 1000, gracePeriodSeconds: 3 } };
    const timeline = await terminate(new FakeContainer(100), options, fakeSender(100));
    expect(timeline).toMatchObject({ exitedAtMs: 200, hooks: [{}] });
  });
});

it.each([
  { gracePeriodSeconds: 1.5 },
  { gracePeriodSeconds: -1 },
  { gracePeriodSeconds: 5, graceShortened: { afterMs: 1, gracePeriodSeconds: 0.5 } },
  { gracePeriodSeconds: 5, graceShortened: { afterMs: 1, gracePeriodSeconds: 1 }, redelivery: 'at-once' as const },
])('refuses %j', async (options) => {
  await expect(terminate(new FakeContainer(0), options)).rejects.toMatchObject({ code: 'ERR_TESTKIT_OPTION_INVALID' });
});
