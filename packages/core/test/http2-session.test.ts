import type { ServerHttp2Session } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { Http2Session } from '../src/http2-session.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

const ANY_STREAM = 2 ** 31 - 1;

/** What a session was asked to do, with the clock's instant. */
class FakeSession {
  readonly said: [string, number][] = [];
  closed = false;
  destroyed = false;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  goaway(_code: number, lastStreamId: number): void {
    this.said.push([lastStreamId === ANY_STREAM ? 'any stream' : `stream ${lastStreamId}`, this.#clock.now()]);
  }

  close(): void {
    if (this.closed || this.destroyed) return;
    this.closed = true;
    this.said.push(['the last stream', this.#clock.now()]);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

function setUp() {
  const clock = new FakeClock(0);
  const fake = new FakeSession(clock);
  let told = 0;
  const session = new Http2Session(fake as unknown as ServerHttp2Session, undefined, clock, {
    onTold: () => {
      told += 1;
    },
    onClose: () => {},
  });
  /** Passes time as a termination does, which looks every 25 ms. */
  async function pass(ms: number): Promise<void> {
    const until = clock.now() + ms;
    while (clock.now() < until) {
      await clock.advance(Math.min(25, until - clock.now()));
      session.tellInTime();
      await settle();
    }
  }
  const words = (): string[] => fake.said.map(([word]) => word);
  return { clock, fake, session, pass, words, told: () => told };
}

describe('a session', () => {
  test('is told nothing before it is to leave', async () => {
    const { session, pass, words } = setUp();
    await pass(5_000);
    session.streamOpened();
    session.streamClosed();
    await pass(5_000);
    expect(words()).toEqual([]);
  });

  test('is told at once when it has been silent, and once', async () => {
    const { clock, fake, session, pass, told } = setUp();
    await pass(1_000);
    session.leaveFrom(clock.now());
    await pass(25);
    expect(fake.said).toEqual([['the last stream', 1_025]]);
    await pass(5_000);
    expect([fake.said.length, told()]).toEqual([1, 1]);
  });

  test('is not told in a pause that is too short to mean anything', async () => {
    const { session, pass, words } = setUp();
    session.leaveFrom(0);
    for (let round = 0; round < 6; round++) {
      session.streamOpened();
      await pass(10);
      session.streamClosed();
      await pass(30);
    }
    expect(words()).toEqual([]);
    await pass(75);
    expect(words()).toEqual(['the last stream']);
  });

  test('that never pauses is told ahead of the answers it waits for, in two steps', async () => {
    const { clock, fake, session, pass } = setUp();
    session.streamOpened();
    session.leaveFrom(0);
    // One request after another, each as soon as the last one is answered.
    while (fake.said.length === 0) {
      await pass(10);
      session.streamClosed();
      session.streamOpened();
    }
    expect(fake.said).toEqual([['any stream', clock.now()]]);
    expect(clock.now()).toBeGreaterThanOrEqual(250);
    expect(clock.now()).toBeLessThan(300);
    await settle();
    expect(fake.said.at(-1)).toEqual(['the last stream', clock.now()]);
  });

  test('with many streams is told when as many are open as ever were', async () => {
    const { clock, session, pass, words } = setUp();
    session.leaveFrom(0);
    for (let stream = 0; stream < 5; stream++) session.streamOpened();
    session.streamClosed();
    session.streamClosed();
    await pass(260);
    session.streamOpened();
    await settle(5);
    expect(words(), 'four of five').toEqual([]);
    session.streamOpened();
    expect(words(), 'all five').toEqual(['any stream']);
    await settle();
    expect(words()).toEqual(['any stream', 'the last stream']);
    expect(clock.now()).toBeLessThan(500);
  });

  /** A session that was busier once, and has had a stream every 20 ms for so long that any gap between two will do. */
  async function busyUntilAnyGap() {
    const set = setUp();
    set.session.leaveFrom(0);
    for (let stream = 0; stream < 9; stream++) set.session.streamOpened();
    for (let stream = 0; stream < 9; stream++) set.session.streamClosed();
    while (set.clock.now() < 500) {
      set.session.streamOpened();
      await set.pass(20);
      set.session.streamClosed();
    }
    expect(set.words()).toEqual([]);
    return set;
  }

  test('whose streams come at random is told in a gap at last', async () => {
    const { session, words } = await busyUntilAnyGap();
    session.streamOpened();
    expect(words(), 'not in the turn of the stream').toEqual([]);
    await settle(3);
    expect(words()).toEqual(['the last stream']);
  });

  test('that may stay after all is not told in the gap that it was given up for', async () => {
    const { session, words } = await busyUntilAnyGap();
    session.streamOpened();
    session.stay();
    await settle(5);
    expect(words()).toEqual([]);
  });

  test('that has a stream in every turn is told all the same', async () => {
    const { session, words } = await busyUntilAnyGap();
    let turns = 0;
    await new Promise<void>((resolve) => {
      // Ahead of everything that the stream sets off.
      const turn = (): void => {
        if (words().length > 0 || turns === 1_000) {
          resolve();
          return;
        }
        turns += 1;
        setImmediate(turn);
        session.streamOpened();
        session.streamClosed();
      };
      turn();
    });
    expect(words()).toEqual(['the last stream']);
    expect(turns).toBeGreaterThan(50);
  });

  test('with a stream that lasts is told when nothing else comes', async () => {
    const { clock, fake, session, pass } = setUp();
    session.streamOpened();
    await pass(10_000);
    session.leaveFrom(clock.now());
    await pass(450);
    expect(fake.said).toEqual([]);
    await pass(75);
    expect(fake.said).toMatchObject([['the last stream', 10_500]]);
    expect(session.leaving, 'it is not over as long as the stream').toBe(false);
  });

  test('is left alone after a resume', async () => {
    const { session, pass, words } = setUp();
    session.leaveFrom(0);
    session.stay();
    await pass(1_000);
    session.streamOpened();
    await pass(1_000);
    expect(words()).toEqual([]);
  });

  test('takes the earliest of the instants at which it is to leave', async () => {
    const { fake, session, pass } = setUp();
    session.leaveFrom(1_000);
    session.leaveFrom(200);
    session.leaveFrom(2_000);
    await pass(3_000);
    expect(fake.said).toEqual([['the last stream', 200]]);
  });

  test('hears what was sent during a stall before it is taken for silent', async () => {
    const { clock, session, words } = setUp();
    session.leaveFrom(0);
    session.streamOpened();
    session.streamClosed();
    clock.stall(500);
    // The timers of that turn run first; then what has come is read.
    session.tellInTime();
    session.streamOpened();
    session.streamClosed();
    await settle(3);
    expect(words()).not.toEqual(['the last stream']);
  });

  test('that its caller has closed, or that is over, is told nothing', async () => {
    for (const end of ['closed', 'destroyed'] as const) {
      const { fake, session, pass, told } = setUp();
      fake[end] = true;
      session.leaveFrom(0);
      await pass(2_000);
      session.streamOpened();
      expect([fake.said, told()]).toEqual([[], 0]);
    }
  });

  test('lingers for a moment after its last stream, and not for ever', async () => {
    const { session, pass } = setUp();
    session.streamOpened();
    session.tell();
    await pass(3_000);
    expect(session.leaving).toBe(false);
    session.streamClosed();
    expect(session.leaving).toBe(true);
    await pass(990);
    expect(session.leaving).toBe(true);
    await pass(20);
    expect(session.leaving).toBe(false);
  });
});
