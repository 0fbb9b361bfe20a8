import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import { FakeServer } from './support/fake-server.ts';
import { Harness } from './support/harness.ts';

afterEach(() => Harness.stopAll());

describe('stop', () => {
  test.each([
    ['before the start', async () => {}],
    ['when ready', async (harness: Harness) => void (await harness.ready())],
    ['while it registers', async (harness: Harness) => void harness.lifecycle.start()],
    [
      'in the lame duck',
      async (harness: Harness) => {
        await harness.ready();
        harness.server.request();
        void harness.prestop();
        await harness.clock.advance(1_500);
      },
    ],
    [
      'while the closers run',
      async (harness: Harness) => {
        await harness.ready();
        harness.lifecycle.onClose('hangs', () => new Promise(() => {}));
        harness.signals.send();
        await harness.clock.advance(5_000);
      },
    ],
    [
      'while a signal is waited for',
      async (harness: Harness) => {
        await harness.ready();
        await harness.resolved(harness.prestop());
      },
    ],
  ])('%s leaves nothing behind and ends no process', async (_, reach) => {
    const clock = new FakeClock();
    const registry = new FakeRegistry(clock);
    const harness = new Harness({ clock, registry });
    await reach(harness);
    await harness.lifecycle.stop();
    await settle();
    expect([clock.pending, harness.signals.listeners]).toEqual([0, 0]);
    await clock.advance(60_000);
    expect([harness.exits, clock.pending]).toEqual([[], 0]);
    expect(harness.server.listeners()).toEqual(new FakeServer().listeners());
  });

  test('a server that did not listen yet is not listened to any more', async () => {
    const server = new FakeServer(false);
    const harness = new Harness({ servers: [server] });
    const started = harness.lifecycle.start();
    await settle();
    await harness.lifecycle.stop();
    await started;
    expect(server.listeners()).toEqual(new FakeServer(false).listeners());
  });

  test('afterwards every call says that it was stopped', async () => {
    const harness = new Harness();
    await harness.lifecycle.stop();
    await harness.lifecycle.stop();
    const stopped = { code: 'ERR_PRESTOP_STOPPED' };
    await expect(harness.lifecycle.terminate()).rejects.toMatchObject(stopped);
    await expect(harness.prestop()).rejects.toMatchObject(stopped);
    await expect(harness.lifecycle.start()).rejects.toMatchObject(stopped);
    expect(() => harness.lifecycle.attach(new FakeServer().server)).toThrowError(expect.objectContaining(stopped));
  });
});
