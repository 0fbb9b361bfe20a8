import { describe, expect, test } from 'vitest';
import { type WebSocketLike, WebSocketsDrain, type WebSocketsDrainContext } from '../src/web-sockets-drain.ts';
import { FakeClock } from './support/fake-clock.ts';
import { seededRandom } from './support/seeded-random.ts';

/** A client that answers a close frame after `answersAfterMs`, or never. */
class FakeClient implements WebSocketLike {
  readonly told: number[] = [];
  terminatedAt: number | undefined;
  readonly #clock: FakeClock;
  readonly #answersAfterMs: number | 'never';
  readonly #leave: () => void;

  constructor(clock: FakeClock, answersAfterMs: number | 'never', leave: () => void) {
    this.#clock = clock;
    this.#answersAfterMs = answersAfterMs;
    this.#leave = leave;
  }

  close(): void {
    this.told.push(this.#clock.now());
    if (this.#answersAfterMs !== 'never') this.#clock.after(this.#answersAfterMs, this.#leave);
  }

  terminate(): void {
    this.terminatedAt = this.#clock.now();
    this.#clock.after(1, this.#leave);
  }
}

function setUp(count: number, answersAfterMs: number | 'never', given: Partial<WebSocketsDrainContext> = {}) {
  const clock = new FakeClock(0);
  const clients = new Set<FakeClient>();
  for (let number = 0; number < count; number++) {
    const client: FakeClient = new FakeClient(clock, answersAfterMs, () => void clients.delete(client));
    clients.add(client);
  }
  const all = [...clients];
  const deadline = new AbortController();
  const remaining = { untilMs: 20_000 };
  const drain = new WebSocketsDrain(clients, {
    code: 1001,
    reason: 'going',
    spreadMs: 5_000,
    closeTimeoutMs: 2_000,
    remainingMs: () => remaining.untilMs - clock.now(),
    clock,
    random: seededRandom(7),
    ...given,
  });
  const counts = drain.run(deadline.signal);
  return { clock, all, clients, deadline, remaining, counts };
}

const toldAt = (clients: readonly FakeClient[]): number[] => clients.map(({ told }) => told[0] ?? Number.NaN);

describe('telling', () => {
  test('is spread evenly over the window, in no order, each client once', async () => {
    const { clock, all, counts } = setUp(1_000, 5);
    await clock.advance(6_000);
    expect(await counts).toEqual({ told: 1_000, closed: 1_000, terminated: 0 });
    expect(all.every(({ told }) => told.length === 1)).toBe(true);
    const times = toldAt(all);
    expect(Math.max(...times)).toBeLessThanOrEqual(5_000);
    for (let from = 0; from < 5_000; from += 500) {
      const within = times.filter((time) => time >= from && time < from + 500).length;
      expect(within, `from ${from} ms`).toBeGreaterThan(60);
      expect(within, `from ${from} ms`).toBeLessThan(140);
    }
    expect(times, 'jitter').not.toEqual(times.toSorted((a, b) => a - b));
  });

  test('takes no longer than a few clients need', async () => {
    const { clock, all } = setUp(5, 5);
    await clock.advance(100);
    expect(Math.max(...toldAt(all))).toBeLessThanOrEqual(60);
  });

  test('is done at once without a window', async () => {
    const { clock, all } = setUp(500, 5, { spreadMs: 0 });
    await clock.advance(1);
    expect(new Set(toldAt(all))).toEqual(new Set([0]));
  });

  test('leaves every client its time before the deadline, however long the window', async () => {
    const { clock, all, counts, remaining } = setUp(2_000, 'never', { spreadMs: 60_000 });
    remaining.untilMs = 6_000;
    await clock.advance(6_000);
    expect(await counts).toMatchObject({ told: 2_000, terminated: 2_000 });
    expect(Math.max(...toldAt(all))).toBeLessThanOrEqual(4_100);
    for (const { told, terminatedAt = Number.NaN } of all) {
      expect(terminatedAt - (told[0] ?? 0)).toBeGreaterThan(900);
      expect(terminatedAt).toBeLessThan(6_000);
    }
  });

  test('shares what is left with the time to answer, half and half', async () => {
    const { clock, all, remaining } = setUp(500, 'never', { spreadMs: 60_000 });
    remaining.untilMs = 1_000;
    await clock.advance(1_000);
    expect(Math.max(...toldAt(all))).toBeGreaterThan(400);
    for (const { told, terminatedAt = Number.NaN } of all) {
      expect(terminatedAt - (told[0] ?? 0)).toBeGreaterThanOrEqual(450);
    }
  });

  test('hurries when the deadline comes nearer', async () => {
    const { clock, all, remaining } = setUp(1_000, 5, { spreadMs: 5_000 });
    await clock.advance(1_000);
    remaining.untilMs = clock.now() + 1_200;
    await clock.advance(1_200);
    expect(Math.max(...toldAt(all))).toBeLessThan(2_000);
  });

  test('reaches clients whose handshake ended after it began', async () => {
    const { clock, clients, counts } = setUp(1, 1_000);
    await clock.advance(100);
    const late: FakeClient = new FakeClient(clock, 5, () => void clients.delete(late));
    clients.add(late);
    await clock.advance(2_000);
    expect(late.told.length).toBe(1);
    expect(await counts).toMatchObject({ told: 2, closed: 2 });
  });
});

describe('terminating', () => {
  test('ends what does not answer, when its time is over and not before', async () => {
    const { clock, all, counts } = setUp(3, 'never', { spreadMs: 0 });
    await clock.advance(1_990);
    expect(all.map(({ terminatedAt }) => terminatedAt)).toEqual([undefined, undefined, undefined]);
    await clock.advance(100);
    expect(await counts).toEqual({ told: 3, closed: 0, terminated: 3 });
    for (const { terminatedAt } of all) expect(terminatedAt).toBeGreaterThanOrEqual(2_000);
  });

  test('ends what is left when the time is up, told or not', async () => {
    const { clock, all, deadline, counts } = setUp(400, 'never');
    await clock.advance(1_000);
    deadline.abort();
    await clock.advance(1);
    const { told, terminated, closed } = await counts;
    expect({ terminated, closed }).toEqual({ terminated: 400, closed: 0 });
    expect(told).toBeGreaterThan(10);
    expect(told).toBeLessThan(390);
    expect(all.every(({ terminatedAt }) => terminatedAt === clock.now() - 1)).toBe(true);
  });

  test('has nothing to do without clients', async () => {
    const { clock, counts } = setUp(0, 'never');
    await clock.advance(0);
    expect(await counts).toEqual({ told: 0, closed: 0, terminated: 0 });
    expect(clock.pending).toBe(0);
  });
});
