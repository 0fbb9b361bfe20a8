import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection, mayTell, SILENT_SOCKET_MS } from '../src/connection.ts';
import { Exchange } from '../src/exchange.ts';
import type { RequestClassifier } from '../src/request-classifier.ts';

const T0 = 100_000;
const CLASSIFIER: RequestClassifier = { counts: () => true, countsAgent: undefined, leaves: () => false };

let socket: { bytesRead: number };
let connection: Connection;

function accepted(at = 0, bytesRead = 0): void {
  socket = { bytesRead };
  connection = new Connection(socket as Socket, at, bytesRead > 0);
}

beforeEach(() => accepted());

interface Shape {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Octets of the body that have come with the head. */
  readonly body?: number;
  readonly complete?: boolean;
  /** Whether it is worked out where it ends, as it is during a termination. Default: true. */
  readonly measured?: boolean;
}

/** A request head that arrives now, and what is known of it. */
function arrives(
  at: number,
  { method = 'GET', url = '/', headers = {}, body = 0, complete = true, measured = true }: Shape = {},
): Exchange {
  const rawHeaders = Object.entries({ host: 'x', ...headers }).flat();
  const head = `${method} ${url} HTTP/1.1\r\n${rawHeaders.map((part, index) => part + (index % 2 ? '\r\n' : ': ')).join('')}\r\n`;
  const startsAt = connection.nextStartsAt;
  socket.bytesRead += head.length + body;
  const request = { method, url, headers, rawHeaders, complete } as unknown as IncomingMessage;
  const exchange = exchangeOf(request, at);
  connection.requestStarted(exchange);
  if (measured) connection.measure(exchange, startsAt);
  return exchange;
}

function exchangeOf(request: IncomingMessage, at: number): Exchange {
  const { method, url: target, rawHeaders: fields } = request;
  const message = { request, response: {} as ServerResponse, socket: connection.socket, server: {} };
  return new Exchange(connection, message, { method, target, fields }, CLASSIFIER, at);
}

/** The answer to a request is sent to the end, and what has been received by then is read, or not. */
function answered(exchange: Exchange, at: number, received: number | undefined = socket.bytesRead): boolean {
  exchange.answered(at, received);
  return connection.responseFinished(exchange);
}

/** A request and its answer. */
function served(at: number, shape: Shape = {}): void {
  const exchange = arrives(at, shape);
  answered(exchange, at);
}

/** For how long after `since` the connection must still be left alone, asked at `now`. */
const patience = (since: number, now = since): number => connection.mayCloseAt(since, now) - since;

test('requests that were answered before they were gone into leave what their starts and ends would', () => {
  interface Request {
    readonly pauseMs: number;
    readonly takesMs: number;
    readonly method: string;
    readonly length: number | undefined;
    readonly missing: number;
  }
  const request: fc.Arbitrary<Request> = fc.record({
    pauseMs: fc.nat(400),
    takesMs: fc.nat(100),
    method: fc.constantFrom('GET', 'POST'),
    length: fc.option(fc.nat(9), { nil: undefined }),
    missing: fc.nat(3),
  });
  const after = (requests: readonly Request[], read: boolean, enter: (exchange: Exchange) => void): unknown[] => {
    accepted();
    let at = 0;
    return requests.map(({ pauseMs, takesMs, method, length, missing }) => {
      at += pauseMs;
      const fields = length === undefined ? [] : ['Content-Length', String(length)];
      const come = Math.max(0, (length ?? 0) - missing);
      socket.bytesRead +=
        `${method} / HTTP/1.1\r\n${length === undefined ? '' : `Content-Length: ${length}\r\n`}\r\n`.length;
      socket.bytesRead += come;
      const headers = { 'content-length': length === undefined ? undefined : String(length) };
      const complete = come === (length ?? 0);
      const message = { method, url: '/', rawHeaders: fields, headers, complete } as unknown as IncomingMessage;
      const exchange = exchangeOf(message, at);
      at += takesMs;
      exchange.answered(at, read || length !== undefined ? socket.bytesRead : undefined);
      enter(exchange);
      return [connection.kind(), connection.nextStartsAt, patience(at), connection.mayCloseAt(at, at, 0)];
    });
  };
  fc.assert(
    fc.property(fc.array(request, { maxLength: 12 }), fc.boolean(), (requests, read) => {
      const apart = after(requests, read, (exchange) => {
        connection.requestStarted(exchange);
        connection.responseFinished(exchange);
      });
      expect(after(requests, read, (exchange) => connection.exchanged(exchange))).toEqual(apart);
    }),
  );
});

describe('what a connection is doing', () => {
  test('new until it has spoken, half a head until it has said it all', () => {
    expect(connection.kind()).toBe('new');
    socket.bytesRead = 10;
    expect(connection.kind()).toBe('half-head');
  });

  test('active while a response is open, then idle, and told when the response said close', () => {
    const exchange = arrives(10);
    expect(connection.kind()).toBe('active');
    answered(exchange, 20);
    expect(connection.kind()).toBe('idle');
    connection.told = true;
    expect(connection.kind()).toBe('told');
  });

  test('half a head again when the next request begins on it', () => {
    served(10);
    socket.bytesRead += 5;
    expect(connection.kind()).toBe('half-head');
  });

  test('upgraded, whatever else', () => {
    arrives(10);
    connection.upgraded = true;
    expect(connection.kind()).toBe('upgraded');
  });

  test('active until the last of several pipelined responses is closed', () => {
    const [first, second] = [arrives(10), arrives(10)];
    answered(first, 20);
    expect(connection.kind()).toBe('active');
    answered(second, 30);
    expect(connection.kind()).toBe('idle');
  });

  test('an answer is told once, whichever of the pipelined it belongs to, and none that is not known', () => {
    const [first, second, third] = [arrives(10), arrives(10), arrives(10)];
    expect(connection.open).toEqual([first, second, third]);
    expect(answered(second, 20)).toBe(true);
    expect(answered(second, 20)).toBe(false);
    expect(answered(first, 20)).toBe(true);
    expect([connection.open, connection.inUse]).toEqual([[third], true]);
    expect(connection.takeOpen()).toEqual([third]);
    expect([connection.open, connection.inUse]).toEqual([[], false]);
  });

  test('half a head also when it came behind a request that was still to be answered', () => {
    const exchange = arrives(10);
    socket.bytesRead += 7;
    answered(exchange, 20);
    expect(connection.kind()).toBe('half-head');
  });

  test('idle after the first answer of one that was in use before we saw it', () => {
    accepted(0, 500);
    answered(arrives(10), 20);
    expect(connection.kind()).toBe('idle');
  });

  test('the rest of a body that was answered early is no next head', () => {
    const exchange = arrives(10, {
      method: 'POST',
      headers: { 'content-length': '100' },
      body: 40,
      complete: false,
    });
    answered(exchange, 20);
    socket.bytesRead += 60;
    expect(connection.kind()).toBe('idle');
  });
});

describe('what has been received is worked out from the heads where it is not read', () => {
  const unread = (at: number, shape: Shape = {}): boolean => {
    const exchange = arrives(at, { ...shape, measured: false });
    exchange.answered(at);
    return connection.responseFinished(exchange);
  };
  const afterwards = (): string => {
    const idle = connection.kind();
    socket.bytesRead += 1;
    return `${idle}, then ${connection.kind()}`;
  };

  test('and half a head is one', () => {
    for (const shape of [{}, { url: '/a' }, { headers: { accept: '*/*' } }]) unread(0, shape);
    expect(afterwards()).toBe('idle, then half-head');
  });

  test('also behind pipelined requests', () => {
    const [first, second] = [arrives(10, { measured: false }), arrives(10, { url: '/second', measured: false })];
    for (const exchange of [second, first]) {
      exchange.answered(20);
      connection.responseFinished(exchange);
    }
    expect(afterwards()).toBe('idle, then half-head');
  });

  test('and of a body that nobody looked for it is not known, until it is read', () => {
    const body = { headers: { 'Content-Length': '5' }, body: 5 };
    unread(0, body);
    expect(afterwards()).toBe('idle, then idle');
    served(10);
    expect(afterwards()).toBe('idle, then half-head');
  });

  test('a head written in an unusual way is right again with the next reading', () => {
    unread(0);
    socket.bytesRead += 3;
    expect(connection.kind()).toBe('half-head');
    served(10, { measured: false });
    expect(afterwards()).toBe('idle, then half-head');
  });

  test('what is not known of one that was in use stays unknown until it is read', () => {
    accepted(0, 500);
    unread(10);
    expect(afterwards()).toBe('idle, then idle');
    served(20);
    expect(afterwards()).toBe('idle, then half-head');
  });
});

test('where a request ends is known though a router rewrote it', () => {
  const request = arrives(10, { url: '/api/orders' }).request as IncomingMessage;
  request.url = '/orders';
  connection.measureOpen();
  expect(mayTell(connection, request)).toBe(true);
});

describe('how long a silent connection is left alone', () => {
  test("one that has said nothing gets Go's five seconds from when it was accepted", () => {
    accepted(T0 - 1_000);
    expect(patience(T0)).toBe(SILENT_SOCKET_MS - 1_000);
    accepted(T0 - 60_000);
    expect(connection.mayCloseAt(T0, T0)).toBeLessThan(T0);
  });

  test('half a head gets them from when it was first seen to stand still, not anew at each look', () => {
    accepted(T0 - 60_000);
    socket.bytesRead = 10;
    expect(patience(T0, T0 + 100)).toBe(100 + SILENT_SOCKET_MS);
    expect(patience(T0, T0 + 4_000)).toBe(100 + SILENT_SOCKET_MS);
  });

  test('the next half head gets its own time', () => {
    socket.bytesRead = 10;
    connection.noteHalfHead(T0);
    socket.bytesRead = 0;
    served(T0 + 100);
    socket.bytesRead += 3;
    expect(patience(T0, T0 + 2_000)).toBe(2_000 + SILENT_SOCKET_MS);
  });

  test.each([
    { everyMs: 20, silence: 1_000 },
    { everyMs: 150, silence: 1_050 },
    { everyMs: 200, silence: 1_400 },
    { everyMs: 5_000, silence: 1_500 },
  ])('a kept-alive one that was used every $everyMs ms: $silence ms after it was last used', ({ everyMs, silence }) => {
    for (let index = 9; index >= 0; index--) served(T0 - index * everyMs);
    expect(patience(T0)).toBe(silence);
  });

  test('with fewer than three requests its habits are not known', () => {
    served(T0 - 20);
    served(T0);
    expect(patience(T0)).toBe(2_200);
  });

  test('counted from the start of the termination, since nobody could be told before', () => {
    for (const at of [T0 - 900, T0 - 880, T0 - 860]) served(at);
    expect(patience(T0)).toBe(1_000);
    expect(patience(T0 - 5_000)).toBe(4_140 + 1_000);
  });

  test('a habit given up before the termination says nothing', () => {
    for (const at of [T0 - 30_000, T0 - 29_980, T0 - 29_960]) served(at);
    expect(patience(T0)).toBe(2_200);
  });

  test('one whose answer ended when nobody else called: seven of its own pauses, pipelined requests apart', () => {
    for (const at of [0, 20, 40]) served(at);
    const [first, second] = [arrives(60), arrives(300)];
    answered(first, 400);
    answered(second, 500);
    expect(connection.mayCloseAt(0, 500, 500)).toBe(500 + 7 * 20);
    expect(connection.mayCloseAt(0, 500, 501), 'it ended before').toBeGreaterThanOrEqual(500 + 1_000);
  });

  test('one that was told may go at once', () => {
    served(T0);
    connection.told = true;
    expect(patience(T0)).toBe(0);
  });
});

describe('whether an answer may say `Connection: close`', () => {
  const may = ({ request }: Exchange): boolean => mayTell(connection, request as IncomingMessage);

  test('to a request without a body', () => {
    expect(may(arrives(10))).toBe(true);
    served(20);
    expect(may(arrives(30))).toBe(true);
  });

  test('not when another request is open behind it, but on the last of them', () => {
    const [first, second] = [arrives(10), arrives(10)];
    expect([may(first), may(second)]).toEqual([false, true]);
  });

  test('not when octets of another request have come already', () => {
    const exchange = arrives(10);
    socket.bytesRead += 1;
    expect(may(exchange)).toBe(false);
  });

  test('not while a body of known length is still coming, and when it is there', () => {
    const exchange = arrives(10, { method: 'POST', headers: { 'content-length': '100' }, body: 99, complete: false });
    expect(may(exchange)).toBe(false);
    socket.bytesRead += 1;
    expect(may(exchange)).toBe(true);
  });

  test('not while a body of unknown length is still coming', () => {
    const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 20 };
    expect(may(arrives(10, { ...chunked, complete: false }))).toBe(false);
    accepted();
    expect(may(arrives(10, { ...chunked, complete: true }))).toBe(true);
  });

  test('not behind a body of unknown length: where the request ends cannot be known', () => {
    const exchange = arrives(10, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 20 });
    const behind = arrives(10);
    answered(exchange, 20);
    expect(may(behind)).toBe(false);
  });

  /** Octets that the head does not tell of: a blank behind a value, an empty line before it. */
  const odd = (at: number, octets: number): Exchange => arrives(at, { body: octets });

  test('to a caller whose heads are longer than they look, when three in a row were so by as much', () => {
    for (const at of [10, 20, 30, 40]) {
      const exchange = odd(at, 3);
      expect(may(exchange), `at ${at}`).toBe(false);
      answered(exchange, at + 1);
    }
    expect(connection.kind()).toBe('idle');
    const fifth = odd(50, 3);
    expect(may(fifth)).toBe(true);
    answered(fifth, 51);
    served(60);
    expect(connection.kind(), 'also behind a usual one').toBe('idle');
    const usual = arrives(70);
    expect(may(usual)).toBe(true);
    socket.bytesRead += 1;
    expect(may(usual), 'but not with another request behind it').toBe(false);
  });

  test('as soon, when it had been called like that before anybody asked', () => {
    for (const at of [10, 20]) answered(arrives(at, { body: 3, measured: false }), at, undefined);
    for (const at of [30, 40, 50, 60]) answered(odd(at, 3), at);
    expect(may(odd(70, 3))).toBe(true);
  });

  test.each([
    { what: 'when it is not as much each time: halves of the next request', octets: [3, 9, 5, 12, 3] },
    { what: 'when it is more than blanks would be: segments of one size', octets: [9, 9, 9, 9, 9] },
    { what: 'when a half is always as long', octets: [12, 0, 0, 0, 0] },
    { what: 'when only two in a row were', octets: [3, 3, 4, 3, 3] },
  ])('not to one $what', ({ octets }) => {
    for (const [index, count] of octets.entries()) answered(odd(index, count), index);
    expect(may(odd(50, 3))).toBe(false);
  });

  test('not when two requests came with one surplus between them', () => {
    for (const at of [10, 20, 30, 40]) {
      const both = [arrives(at), odd(at, 3)];
      for (const exchange of both) answered(exchange, at);
    }
    expect(may(odd(50, 3))).toBe(false);
  });

  test('to the second request behind a body of unknown length that was answered early', () => {
    const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 20, complete: false };
    answered(arrives(10, chunked), 10);
    socket.bytesRead += 50;
    expect(connection.kind(), 'the rest of the body is no next head').toBe('idle');
    expect(patience(20), 'nor can it be told from one').toBe(SILENT_SOCKET_MS);
    const next = arrives(20);
    expect(may(next), 'where it began cannot be known').toBe(false);
    answered(next, 20);
    expect(may(arrives(30))).toBe(true);
  });

  test('not to a request that the connection does not know', () => {
    arrives(10);
    expect(mayTell(connection, {} as IncomingMessage)).toBe(false);
  });

  test('to requests that were open before anybody asked where they end', () => {
    const exchange = arrives(10);
    connection.newestEndsAt = undefined;
    connection.measureOpen();
    expect(may(exchange)).toBe(true);
    socket.bytesRead += 10;
    expect(may(exchange)).toBe(false);
  });
});
