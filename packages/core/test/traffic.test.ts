import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pathOf, type RequestFacts, type TrackedRequest, Traffic } from '../src/traffic.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

const FACTS: RequestFacts = {
  method: 'GET',
  target: '/orders?card=4111',
  userAgent: 'caller/1',
  remoteAddress: '10.0.0.1',
  counted: true,
};

const key = (): IncomingMessage => ({}) as IncomingMessage;

function traffic() {
  const clock = new FakeClock();
  const late: [TrackedRequest, number][] = [];
  return { clock, late, traffic: new Traffic(clock, (request, afterMs) => late.push([request, afterMs])) };
}

describe('pathOf', () => {
  test('leaves the query out, which may hold secrets, and is short', () => {
    expect(pathOf('/orders?card=4111&q=?')).toBe('/orders');
    expect([pathOf(''), pathOf('*'), pathOf('?x')]).toEqual(['', '*', '']);
    expect(pathOf(`/${'x'.repeat(10_000)}`).length).toBeLessThanOrEqual(120);
  });
});

describe('in flight', () => {
  test('from begin to end; what is not counted is followed apart', () => {
    const { traffic: all } = traffic();
    const [order, probe] = [key(), key()];
    all.begin(order, FACTS);
    all.begin(probe, { ...FACTS, counted: false });
    expect([all.inFlight, all.allInFlight, all.answered]).toEqual([1, 2, 0]);
    all.end(probe);
    all.end(order);
    expect([all.inFlight, all.allInFlight, all.answered]).toEqual([0, 0, 1]);
  });

  test('one that a drain does not wait for is followed, and neither in flight nor answered', () => {
    const { traffic: all } = traffic();
    const [events, other] = [key(), key()];
    all.begin(events, { ...FACTS, leaves: true });
    all.begin(other, { ...FACTS, leaves: true });
    expect([all.inFlight, all.allInFlight, [...all.requests()].length]).toEqual([0, 0, 2]);
    all.uncount(other);
    all.end(events);
    all.end(other);
    expect([all.inFlight, all.allInFlight, all.answered, all.lastAnswerAt]).toEqual([0, 0, 0, undefined]);
  });

  test('the end is taken once, and an end without a beginning is ignored', () => {
    const { traffic: all, clock } = traffic();
    const order = key();
    all.begin(order, FACTS);
    all.end(order);
    const { lastAnswerAt } = all;
    all.end(order);
    all.end(key());
    expect([all.inFlight, all.answered, all.lastAnswerAt]).toEqual([0, 1, lastAnswerAt]);
    expect(lastAnswerAt).toBe(clock.now());
  });

  test('any order of beginnings, ends and second thoughts keeps the counts true and leaves nothing', () => {
    const step = fc.record({
      what: fc.constantFrom('begin', 'end', 'uncount'),
      which: fc.nat(9),
      counted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { traffic: all } = traffic();
        const keys = Array.from({ length: 10 }, key);
        const open = new Map<IncomingMessage, boolean>();
        for (const { what, which, counted } of steps) {
          const one = keys[which] ?? key();
          if (what === 'begin' && !open.has(one)) {
            open.set(one, counted);
            all.begin(one, { ...FACTS, counted });
          } else if (what === 'end') {
            open.delete(one);
            all.end(one);
          } else if (what === 'uncount') {
            if (open.has(one)) open.set(one, false);
            all.uncount(one);
          }
          expect(all.inFlight).toBe([...open.values()].filter(Boolean).length);
          expect(all.allInFlight).toBe(open.size);
        }
        for (const one of open.keys()) all.end(one);
        expect([all.inFlight, all.allInFlight]).toEqual([0, 0]);
      }),
    );
  });
});

describe('uncount', () => {
  test('takes a call of an endpoint out of the traffic, as if it had not been', async () => {
    const { traffic: all, clock } = traffic();
    for (let index = 0; index < 3; index++) {
      await clock.advance(10);
      all.begin(key(), FACTS);
    }
    const before = all.arrivals();
    await clock.advance(500);
    const hook = key();
    all.begin(hook, FACTS);
    all.uncount(hook);
    all.uncount(hook);
    expect(all.arrivals()).toEqual(before);
    all.end(hook);
    expect([all.answered, all.lastAnswerAt, all.inFlight]).toEqual([0, undefined, 3]);
  });

  test("is no late request: a probe by a tool of one's own must not stand in the report", async () => {
    const { traffic: all, clock, late } = traffic();
    all.lateFrom(clock.now());
    const probe = key();
    all.begin(probe, FACTS);
    all.uncount(probe);
    await settle();
    expect([all.late().count, all.late().callers, late]).toEqual([0, [], []]);
  });
});

describe('late requests', () => {
  test('are those that arrive after the removal, by caller, agent and path', async () => {
    const { traffic: all, clock, late } = traffic();
    all.begin(key(), FACTS);
    all.lateFrom(clock.now());
    await clock.advance(30);
    all.begin(key(), FACTS);
    await clock.advance(30);
    all.begin(key(), { ...FACTS, target: '/orders?other' });
    all.begin(key(), { ...FACTS, remoteAddress: '10.0.0.2' });
    all.begin(key(), { ...FACTS, counted: false });
    await settle();
    expect(all.late()).toEqual({
      count: 3,
      lastAfterMs: 60,
      callers: [
        { remoteAddress: '10.0.0.1', userAgent: 'caller/1', path: '/orders', count: 2, lastAfterMs: 60 },
        { remoteAddress: '10.0.0.2', userAgent: 'caller/1', path: '/orders', count: 1, lastAfterMs: 60 },
      ],
    });
    expect(late.map(([, afterMs]) => afterMs)).toEqual([30, 60, 60]);
  });

  test('the first instant counts, and it may lie in the past', async () => {
    const { traffic: all, clock } = traffic();
    all.lateFrom(clock.now() - 5);
    all.lateFrom(clock.now() + 1_000);
    all.begin(key(), FACTS);
    await settle();
    expect(all.late()).toMatchObject({ count: 1, lastAfterMs: 5 });
  });

  test('ten callers are named, the others only counted', async () => {
    const { traffic: all, clock } = traffic();
    all.lateFrom(clock.now());
    for (let index = 0; index < 500; index++) all.begin(key(), { ...FACTS, target: `/orders/${index}` });
    await settle();
    expect([all.late().count, all.late().callers.length]).toEqual([500, 10]);
  });

  test('are forgotten after a resume', async () => {
    const { traffic: all, clock } = traffic();
    all.lateFrom(clock.now());
    all.begin(key(), FACTS);
    await settle();
    all.forgetLate();
    all.begin(key(), FACTS);
    await settle();
    expect(all.late()).toEqual({ count: 0, lastAfterMs: 0, callers: [] });
  });
});

describe('the signals of a request', () => {
  test('abort for the drain and for the deadline, each on its own', () => {
    const { traffic: all } = traffic();
    const order = key();
    all.begin(order, FACTS);
    const signals = all.signalsOf(order);
    all.abortForDrain();
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([true, false]);
    all.abortForDeadline();
    expect([signals?.deadline.aborted, signals?.deadline.reason.name]).toEqual([true, 'AbortError']);
  });

  test('are made when first asked for, and then the same; one that comes late is told at once', () => {
    const { traffic: all } = traffic();
    const order = key();
    all.begin(order, FACTS);
    all.abortForDrain();
    const signals = all.signalsOf(order);
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([true, false]);
    expect(all.signalsOf(order)?.drain).toBe(signals?.drain);
  });

  test('are fresh for the requests after a resume', () => {
    const { traffic: all } = traffic();
    all.abortForDrain();
    all.abortForDeadline();
    all.resetSignals();
    const order = key();
    all.begin(order, FACTS);
    const signals = all.signalsOf(order);
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([false, false]);
  });

  test('there are none for a request that is not followed, or no more', () => {
    const { traffic: all } = traffic();
    const order = key();
    expect(all.signalsOf(order)).toBeUndefined();
    all.begin(order, FACTS);
    all.end(order);
    expect(all.signalsOf(order)).toBeUndefined();
  });

  test('an HTTP/2 request is found by its stream', () => {
    const { traffic: all } = traffic();
    const stream = key();
    all.begin(stream, FACTS);
    expect(all.signalsOf({ stream } as never)?.drain).toBe(all.signalsOf(stream)?.drain);
  });
});
