import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import type { FakeConnection, FakeExchange } from './support/fake-server.ts';
import { Harness, type HarnessOptions } from './support/harness.ts';

afterEach(() => Harness.stopAll());

/** How long after the last answer a process may still be there: three looks, and the silence of a caller in a closed loop. */
const AT_ONCE_MS = 125;

interface Caller {
  readonly harness: Harness;
  readonly clock: FakeClock;
  readonly connection: FakeConnection;
  /** Its request that is in flight in the drain. */
  readonly exchange: FakeExchange;
}

interface Habits {
  /** Requests on the connection before the one in flight. */
  readonly earlier: number;
  /** Pause of the caller between an answer and its next request, in milliseconds. */
  readonly pauseMs: number;
  /** Whether the head of the last answer left before the termination began: too late to say close. */
  readonly headLeft: boolean;
  readonly options?: HarnessOptions;
}

/** A service that drains and waits for one request only, on a kept-alive connection; its other callers were quiet. */
async function waitsForOne({ earlier, pauseMs, headLeft, options }: Habits): Promise<Caller> {
  const clock = new FakeClock();
  const harness = await new Harness({ clock, registry: new FakeRegistry(clock), ...options }).ready();
  const connection = harness.server.connect();
  for (let number = 0; number < earlier; number++) {
    const request = connection.request();
    await clock.advance(200);
    request.answer();
    await clock.advance(pauseMs);
  }
  const exchange = connection.request({ url: '/slow' });
  if (headLeft) exchange.response.writeHead(200);
  harness.signals.send();
  await clock.advanceUntil(() => harness.lifecycle.phase === 'draining', 20_000);
  await clock.advance(3_000);
  expect(harness.lifecycle.phase).toBe('draining');
  return { harness, clock, connection, exchange };
}

async function msToExit({ harness, clock }: Caller): Promise<number> {
  const from = clock.now();
  await harness.untilExit();
  expect(harness.exits).toMatchObject([{ code: 0 }]);
  return (harness.exits[0]?.at ?? Number.NaN) - from;
}

describe('a request that ends in the drain, on a kept-alive connection', () => {
  test('is the end: the exit follows its answer at once', async () => {
    const caller = await waitsForOne({ earlier: 3, pauseMs: 5, headLeft: false });
    caller.exchange.answer();
    expect(caller.exchange.saidClose).toBe(true);
    expect(await msToExit(caller)).toBeLessThanOrEqual(AT_ONCE_MS);
  });

  test('is the end as well when its answer could not say close, and its caller was always back soon', async () => {
    const caller = await waitsForOne({ earlier: 3, pauseMs: 5, headLeft: true });
    caller.exchange.response.end();
    expect(await msToExit(caller)).toBeLessThanOrEqual(AT_ONCE_MS);
  });

  test.each([
    { title: 'a caller of unknown habits', earlier: 0, pauseMs: 0, silentMs: 500 },
    { title: 'a caller of one request before', earlier: 1, pauseMs: 5, silentMs: 500 },
    { title: 'a caller that is far away', earlier: 4, pauseMs: 60, silentMs: 420 },
    { title: 'a caller with a timer', earlier: 4, pauseMs: 2_000, silentMs: 500 },
  ])('without a close: $title has $silentMs ms to use the connection again', async ({ silentMs, ...habits }) => {
    const inTime = await waitsForOne({ ...habits, headLeft: true });
    inTime.exchange.response.end();
    await inTime.clock.advance(silentMs - 1);
    const next = inTime.connection.request();
    next.answer();
    expect([next.outcome, next.saidClose]).toEqual(['answered', true]);
    await Harness.stopAll();

    const silent = await waitsForOne({ ...habits, headLeft: true });
    silent.exchange.response.end();
    const exitMs = await msToExit(silent);
    expect(exitMs).toBeGreaterThanOrEqual(silentMs);
    expect(exitMs).toBeLessThanOrEqual(silentMs + AT_ONCE_MS);
  });

  // Whenever the conditions are looked at, every 25 ms.
  test.each([0, 6, 12, 18, 24])('is not the end for a caller that is back at once (%i)', async (offsetMs) => {
    const caller = await waitsForOne({ earlier: 0, pauseMs: 0, headLeft: false });
    await caller.clock.advance(offsetMs);
    caller.exchange.answer();
    await caller.clock.advance(24);
    const again = caller.harness.server.request();
    again.answer();
    expect(again.outcome).toBe('answered');
    expect(await msToExit(caller), 'the callers must be quiet again').toBeGreaterThanOrEqual(1_000);
  });

  test('is not the end when the callers were not quiet: an untold connection gets its full time', async () => {
    const options = { terminationGracePeriodSeconds: 60 };
    const caller = await busyUntilTheBudgetEnds(options);
    caller.exchange.response.end();
    expect(await msToExit(caller)).toBeGreaterThanOrEqual(2_200);
  });

  test('takes nothing from the time of connections that were idle before', async () => {
    const clock = new FakeClock();
    const harness = await new Harness({ clock, registry: new FakeRegistry(clock) }).ready();
    const idle = harness.server.connect();
    idle.request().answer();
    await clock.advance(1_600);
    harness.signals.send();
    await clock.advance(1_000);
    expect(harness.lifecycle.phase).toBe('draining');
    await clock.advance(1_190);
    const next = idle.request();
    next.answer();
    expect([next.outcome, next.saidClose]).toEqual(['answered', true]);
  });

  test('is not the end while the process does not run', async () => {
    const caller = await waitsForOne({ earlier: 3, pauseMs: 5, headLeft: true });
    caller.exchange.response.end();
    caller.clock.stall(300);
    await caller.clock.advance(20);
    // Sent in the meantime, and read after the timers of that turn.
    const next = caller.connection.request();
    next.answer();
    expect(next.outcome).toBe('answered');
  });
});

/** As {@link waitsForOne}, with other callers that went on until the budget of the lame duck was used up. */
async function busyUntilTheBudgetEnds(options: HarnessOptions): Promise<Caller> {
  const clock = new FakeClock();
  const harness = await new Harness({ clock, registry: new FakeRegistry(clock), ...options }).ready();
  const connection = harness.server.connect();
  const exchange = connection.request({ url: '/slow' });
  exchange.response.writeHead(200);
  harness.signals.send();
  while (harness.server.server.listening) {
    harness.server.request().answer();
    await clock.advance(100);
  }
  expect(harness.lifecycle.phase).toBe('draining');
  await clock.advance(3_000);
  return { harness, clock, connection, exchange };
}
