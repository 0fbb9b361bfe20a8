import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExchangeMessage } from '../src/request-journal.ts';
import { pathOf, TrackedRequest, Traffic } from '../src/traffic.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

interface Shape {
  readonly target?: string;
  readonly userAgent?: string;
  readonly peer?: { readonly remoteAddress?: string | undefined };
  readonly counted?: boolean;
  readonly leaves?: boolean;
}

type Unanswered = TrackedRequest & { readonly request: IncomingMessage };

function traffic() {
  const clock = new FakeClock();
  const late: number[] = [];
  const all = new Traffic(clock, ({ afterMs }) => late.push(afterMs));
  const made = ({
    target = '/orders?card=4111',
    userAgent = 'caller/1',
    peer = { remoteAddress: '10.0.0.1' },
    counted = true,
    leaves = false,
  }: Shape = {}): Unanswered => {
    const rawHeaders = ['User-Agent', userAgent];
    const head = { method: 'GET', url: target, headers: {}, rawHeaders, httpVersion: '1.1', socket: peer };
    return new TrackedRequest({} as IncomingMessage, head, clock.now(), counted, leaves) as Unanswered;
  };
  const begun = (shape?: Shape): Unanswered => {
    const request = made(shape);
    all.begin(request);
    return request;
  };
  return { clock, late, all, made, begun };
}

describe('pathOf', () => {
  test('leaves the query out, which may hold secrets, and is short', () => {
    expect(pathOf('/orders?card=4111&q=?')).toBe('/orders');
    expect(pathOf('http://user:secret@orders.example/x?y=http://z')).toBe('/x');
    expect([pathOf(''), pathOf('*'), pathOf('?x')]).toEqual(['', '*', '']);
    expect(pathOf(`/${'x'.repeat(10_000)}`).length).toBeLessThanOrEqual(120);
  });
});

describe('in flight', () => {
  test('from begin to end; what is not counted is followed apart', () => {
    const { all, begun } = traffic();
    const [order, probe] = [begun(), begun({ counted: false })];
    expect([all.inFlight, all.allInFlight, all.answered]).toEqual([1, 2, 0]);
    all.end(probe);
    all.end(order);
    expect([all.inFlight, all.allInFlight, all.answered]).toEqual([0, 0, 1]);
  });

  test('one that a drain does not wait for is followed, and neither in flight nor answered', () => {
    const { all, begun } = traffic();
    const [events, other] = [begun({ leaves: true }), begun({ leaves: true })];
    expect([all.inFlight, all.allInFlight, [...all.requests()].length]).toEqual([0, 0, 2]);
    all.uncount(other.request);
    all.end(events);
    all.end(other);
    expect([all.inFlight, all.allInFlight, all.answered, all.lastAnswerAt]).toEqual([
      0,
      0,
      0,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  test('the end is taken once, and an end without a beginning is ignored', () => {
    const { all, clock, made, begun } = traffic();
    const order = begun();
    all.end(order);
    const { lastAnswerAt } = all;
    all.end(order);
    all.end(made());
    expect([all.inFlight, all.answered, all.lastAnswerAt]).toEqual([0, 1, lastAnswerAt]);
    expect(lastAnswerAt).toBe(clock.now());
  });

  test('one that was answered before it was gone into leaves what its beginning and its end would', async () => {
    for (const shape of [{}, { counted: false }, { leaves: true }]) {
      const [apart, atOnce] = [traffic(), traffic()];
      await Promise.all([apart.clock.advance(10), atOnce.clock.advance(10)]);
      const answeredAt = apart.clock.now() + 5;
      apart.all.end(apart.begun(shape), answeredAt);
      atOnce.all.exchanged(atOnce.made(shape), answeredAt);
      const told = ({ all }: typeof apart): unknown => [
        [all.inFlight, all.allInFlight, all.answered, all.lastAnswerAt],
        [all.arrivals(), [...all.requests()]],
      ];
      expect(told(atOnce), JSON.stringify(shape)).toEqual(told(apart));
    }
  });

  test('any order of beginnings, ends and second thoughts keeps counts and list true and leaves nothing', () => {
    const step = fc.record({
      what: fc.constantFrom('begin', 'end', 'uncount'),
      which: fc.nat(9),
      counted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { all, made } = traffic();
        const open = new Map<number, TrackedRequest>();
        const counted = new Set<TrackedRequest>();
        for (const { what, which, counted: counts } of steps) {
          const one = open.get(which);
          if (what === 'begin' && one === undefined) {
            const request = made({ counted: counts });
            all.begin(request);
            open.set(which, request);
            if (counts) counted.add(request);
          } else if (what === 'end') {
            all.end(one ?? made());
            open.delete(which);
            if (one !== undefined) counted.delete(one);
          } else if (what === 'uncount') {
            all.uncount((one ?? made()).request as IncomingMessage);
            if (one !== undefined) counted.delete(one);
          }
          expect(all.inFlight).toBe(counted.size);
          expect(all.allInFlight).toBe(open.size);
          expect(new Set(all.requests())).toEqual(new Set(open.values()));
        }
        for (const one of open.values()) all.end(one);
        expect([all.inFlight, all.allInFlight, [...all.requests()]]).toEqual([0, 0, []]);
      }),
    );
  });

  test('is told oldest first, and one that has ended holds none of the others', () => {
    const { all, begun } = traffic();
    const [first, second, third] = [begun(), begun(), begun()];
    all.end(second);
    expect([...all.requests()]).toEqual([first, third]);
    expect([second.older, second.newer]).toEqual([undefined, undefined]);
    const fourth = begun();
    all.end(first);
    expect([...all.requests()]).toEqual([third, fourth]);
  });
});

/** Something that is written down, and done when the journal is gone into. */
function write({ journal }: Traffic, run: () => void): void {
  const server = {};
  journal.follow(server, { requestStarted: run, responseFinished: run, exchanged: run });
  journal.finished({ server } as ExchangeMessage, 0);
}

describe('what is in the journal', () => {
  /** One request answered and one in flight, both written down and not gone into. */
  function written() {
    const context = traffic();
    const { all, clock, made } = context;
    const [first, second] = [made(), made()];
    write(all, () => all.begin(first));
    write(all, () => all.end(first, clock.now()));
    write(all, () => all.begin(second));
    return { ...context, first, second };
  }

  test.each<[string, (context: ReturnType<typeof written>) => unknown, unknown]>([
    ['inFlight', ({ all }) => all.inFlight, 1],
    ['allInFlight', ({ all }) => all.allInFlight, 1],
    ['answered', ({ all }) => all.answered, 1],
    ['lastAnswerAt', ({ all }) => all.lastAnswerAt, 1_000],
    ['arrivals', ({ all }) => all.arrivals().lastAt, 1_000],
    ['requests', ({ all }) => [...all.requests()].length, 1],
    ['signalsOf', ({ all, second }) => all.signalsOf(second.request)?.drain.aborted, false],
  ])('is in the answer to %s', (_, ask, answer) => {
    expect(ask(written())).toEqual(answer);
  });

  test('is not late because it was gone into after the removal', async () => {
    const { all, clock, late, second } = written();
    await clock.advance(5);
    all.lateFrom(clock.now());
    await settle();
    expect([late, [...all.requests()]]).toEqual([[], [second]]);
  });

  test('can be taken out of the count', () => {
    const { all, second } = written();
    all.uncount(second.request);
    expect([all.inFlight, all.allInFlight]).toEqual([0, 1]);
  });

  test('hears of the drain', () => {
    const { all, second } = written();
    const signals = all.signalsOf(second.request);
    write(all, () => {});
    all.abortForDrain();
    expect(signals?.drain.aborted).toBe(true);
  });

  test('comes before what begins or ends without it', async () => {
    const { all, clock, begun, second } = written();
    await clock.advance(10);
    const third = begun();
    expect([...all.requests()]).toEqual([second, third]);
    expect(all.arrivals().lastAt).toBe(clock.now());
    const fourthAt = clock.now();
    write(all, () => all.end(second, fourthAt));
    await clock.advance(10);
    all.end(third);
    expect([all.lastAnswerAt, all.answered]).toEqual([clock.now(), 3]);
  });

  test('may tell of answers in the order of their requests: the last one is the latest of them', () => {
    const { all, clock, second, begun } = written();
    const third = begun();
    all.end(second, clock.now() + 20);
    all.end(third, clock.now() + 10);
    expect(all.lastAnswerAt).toBe(clock.now() + 20);
  });

  test('does not wait from the removal on: who is late is told at once', () => {
    const { all, clock } = traffic();
    const entered: unknown[] = [];
    all.lateFrom(clock.now());
    write(all, () => void entered.push(true));
    expect(entered).toEqual([true]);
  });
});

describe('uncount', () => {
  test('takes a call of an endpoint out of the traffic, as if it had not been', async () => {
    const { all, clock, begun } = traffic();
    for (let index = 0; index < 3; index++) {
      await clock.advance(10);
      begun();
    }
    const before = all.arrivals();
    await clock.advance(500);
    const hook = begun();
    all.uncount(hook.request);
    all.uncount(hook.request);
    expect(all.arrivals()).toEqual(before);
    all.end(hook);
    expect([all.answered, all.lastAnswerAt, all.inFlight]).toEqual([0, Number.NEGATIVE_INFINITY, 3]);
  });

  test("is no late request: a probe by a tool of one's own must not stand in the report", async () => {
    const { all, clock, late, begun } = traffic();
    all.lateFrom(clock.now());
    all.uncount(begun().request);
    await settle();
    expect([all.late().count, all.late().callers, late]).toEqual([0, [], []]);
  });
});

describe('late requests', () => {
  test('are those that arrive after the removal, by caller, agent and path', async () => {
    const { all, clock, late, begun } = traffic();
    begun();
    all.lateFrom(clock.now());
    await clock.advance(30);
    begun();
    await clock.advance(30);
    begun({ target: '/orders?other' });
    begun({ peer: { remoteAddress: '10.0.0.2' } });
    begun({ counted: false });
    await settle();
    expect(all.late()).toEqual({
      count: 3,
      lastAfterMs: 60,
      callers: [
        { remoteAddress: '10.0.0.1', userAgent: 'caller/1', path: '/orders', count: 2, lastAfterMs: 60 },
        { remoteAddress: '10.0.0.2', userAgent: 'caller/1', path: '/orders', count: 1, lastAfterMs: 60 },
      ],
    });
    expect(late).toEqual([30, 60, 60]);
  });

  test('have the address that their caller had when they came, and only they are asked for one', async () => {
    const { all, clock, begun } = traffic();
    const asked: string[] = [];
    const peer = (name: string) => ({
      get remoteAddress(): string {
        asked.push(name);
        return name;
      },
    });
    begun({ peer: peer('early') });
    all.lateFrom(clock.now());
    begun({ peer: peer('late') });
    begun({ peer: { remoteAddress: undefined }, target: '/gone' });
    expect(asked).toEqual(['late']);
    await settle();
    expect(all.late().callers.map(({ remoteAddress }) => remoteAddress)).toEqual(['late', '']);
  });

  test('the first instant counts, and it may lie in the past', async () => {
    const { all, clock, begun } = traffic();
    all.lateFrom(clock.now() - 5);
    all.lateFrom(clock.now() + 1_000);
    begun();
    await settle();
    expect(all.late()).toMatchObject({ count: 1, lastAfterMs: 5 });
  });

  test('ten callers are named, the others only counted', async () => {
    const { all, clock, begun } = traffic();
    all.lateFrom(clock.now());
    for (let index = 0; index < 500; index++) begun({ target: `/orders/${index}` });
    await settle();
    expect([all.late().count, all.late().callers.length]).toEqual([500, 10]);
  });

  test('are forgotten after a resume', async () => {
    const { all, clock, begun } = traffic();
    all.lateFrom(clock.now());
    begun();
    await settle();
    all.forgetLate();
    begun();
    await settle();
    expect(all.late()).toEqual({ count: 0, lastAfterMs: 0, callers: [] });
  });
});

describe('the signals of a request', () => {
  test.each(['drain', 'deadline'] as const)('%s reaches those behind a request that ends when it is told', (which) => {
    const { all, begun } = traffic();
    const [first, second] = [begun(), begun()];
    const [ending, behind] = [first, second].map(({ request }) => all.signalsOf(request)?.[which]);
    ending?.addEventListener('abort', () => all.end(first));
    if (which === 'drain') all.abortForDrain();
    else all.abortForDeadline();
    expect([ending?.aborted, behind?.aborted]).toEqual([true, true]);
  });

  test('abort for the drain and for the deadline, each on its own', () => {
    const { all, begun } = traffic();
    const signals = all.signalsOf(begun().request);
    all.abortForDrain();
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([true, false]);
    all.abortForDeadline();
    expect([signals?.deadline.aborted, signals?.deadline.reason.name]).toEqual([true, 'AbortError']);
  });

  test('are made when first asked for, and then the same; one that comes late is told at once', () => {
    const { all, begun } = traffic();
    const { request } = begun();
    begun();
    all.abortForDrain();
    const signals = all.signalsOf(request);
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([true, false]);
    expect(all.signalsOf(request)?.drain).toBe(signals?.drain);
  });

  test('are fresh for the requests after a resume', () => {
    const { all, begun } = traffic();
    all.abortForDrain();
    all.abortForDeadline();
    all.resetSignals();
    const signals = all.signalsOf(begun().request);
    expect([signals?.drain.aborted, signals?.deadline.aborted]).toEqual([false, false]);
  });

  test('there are none for a request that is not followed, or no more', () => {
    const { all, made, begun } = traffic();
    expect(all.signalsOf(made().request)).toBeUndefined();
    const order = begun();
    all.end(order);
    expect(all.signalsOf(order.request)).toBeUndefined();
  });

  test('an HTTP/2 request is found by its stream', () => {
    const { all, begun } = traffic();
    const { request: stream } = begun();
    expect(all.signalsOf({ stream } as never)?.drain).toBe(all.signalsOf(stream)?.drain);
  });
});
