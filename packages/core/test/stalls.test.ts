import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import { Harness } from './support/harness.ts';

afterEach(() => Harness.stopAll());

/** A ready service with callers that have gone and left their connections open. */
async function idleService() {
  const clock = new FakeClock();
  const registry = new FakeRegistry(clock, { name: 'registry' });
  const harness = await new Harness({ clock, registry, terminationGracePeriodSeconds: 60 }).ready();
  const connections = Array.from({ length: 3 }, () => {
    const connection = harness.server.connect();
    connection.request().answer();
    return connection;
  });
  await clock.advance(500);
  return { clock, harness, connections };
}

describe('a process that is paused for longer than a second', () => {
  test('has to be quiet from then on: what could not reach it is sent again later', async () => {
    const { clock, harness } = await idleService();
    for (let index = 0; index < 20; index++) {
      harness.server.request().answer();
      await clock.advance(20);
    }
    void harness.prestop();
    await clock.advance(800);
    clock.stall(1_500);
    await clock.advance(900);
    expect(harness.lifecycle.phase).toBe('lame-duck');
  });
});

describe('a process that is throttled', () => {
  test('counts the silence in which it ran, and ends in time', async () => {
    const { clock, harness, connections } = await idleService();
    const t0 = clock.now();
    let drainedAt = Number.POSITIVE_INFINITY;
    void harness.prestop().then(() => {
      drainedAt = clock.now();
    });
    // A CPU limit that lets it run for two thirds of the time.
    while (drainedAt === Number.POSITIVE_INFINITY && clock.now() < t0 + 60_000) {
      await clock.advance(300);
      clock.stall(150);
    }
    expect(drainedAt - t0).toBeLessThan(6_000);
    expect(connections.every(({ ending }) => ending)).toBe(true);
  });

  test('decides nothing in the turn in which it goes on: what was sent meanwhile has not been read', async () => {
    /** A connection whose answer began before the termination, and ended 1500 ms into it. */
    async function untold() {
      const { clock, harness } = await idleService();
      const connection = harness.server.connect();
      const streamed = connection.request();
      streamed.response.writeHead(200);
      void harness.prestop();
      await clock.advance(1_500);
      streamed.response.end();
      return { clock, connection };
    }
    const undisturbed = await untold();
    const from = undisturbed.clock.now();
    await undisturbed.clock.advanceUntil(() => undisturbed.connection.ending, 10_000, 1);
    const closesAfterMs = undisturbed.clock.now() - from;

    const { clock, connection } = await untold();
    await clock.advance(closesAfterMs - 30);
    expect(connection.ending).toBe(false);
    clock.stall(600);
    await clock.advance(20);
    expect(connection.ending).toBe(false);
    const late = connection.request();
    late.answer();
    expect(late.outcome).toBe('answered');
    await clock.advance(100);
    expect(connection.ending).toBe(false);
  });
});
