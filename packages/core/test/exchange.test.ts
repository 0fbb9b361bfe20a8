import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection } from '../src/connection.ts';
import { Exchange } from '../src/exchange.ts';
import type { RequestClassifier } from '../src/request-classifier.ts';

describe('a request that is gone into later', () => {
  const classifier: RequestClassifier = {
    counts: () => true,
    countsAgent: (userAgent) => userAgent !== 'probe',
    leaves: () => false,
  };
  let socket: { bytesRead: number };
  let connection: Connection;
  let entered: string[];

  beforeEach(() => {
    entered = [];
    socket = { bytesRead: 0 };
    connection = new Connection(socket as Socket, 0, {
      requestStarted(exchange) {
        exchange.readHead(classifier);
        connection.requestStarted(exchange);
        entered.push('started');
      },
      responseFinished(exchange) {
        connection.responseFinished(exchange);
        entered.push('finished');
      },
      exchanged(exchange) {
        exchange.readHead(classifier);
        connection.exchanged(exchange);
        entered.push('exchanged');
      },
    });
  });

  function comes(at: number, { method = 'GET', fields = ['Host', 'x'], body = 0, complete = true } = {}): Exchange {
    const pairs = fields.map((part, index) => part + (index % 2 === 0 ? ': ' : '\r\n')).join('');
    socket.bytesRead += `${method} / HTTP/1.1\r\n${pairs}\r\n`.length + body;
    const request = { method, url: '/', rawHeaders: fields, headers: {}, complete } as unknown as IncomingMessage;
    return Exchange.begin(connection, request, {} as ServerResponse, classifier, at);
  }

  test('is gone into together with its answer', () => {
    const exchange = comes(10);
    expect(exchange.answered(20, false)).toBe(false);
    expect([exchange.request, entered]).toEqual([undefined, []]);
    exchange.enter();
    expect([connection.kind(), entered]).toEqual(['idle', ['exchanged']]);
  });

  test('is gone into again when the answer comes later', () => {
    const exchange = comes(10);
    exchange.enter();
    expect([connection.kind(), entered]).toEqual(['active', ['started']]);
    expect(exchange.answered(20, false)).toBe(true);
    exchange.enter();
    expect([connection.kind(), entered]).toEqual(['idle', ['started', 'finished']]);
  });

  test.each([
    ['probe', false],
    ['browser', true],
  ])('is counted by its user agent when it has gone: %s, %s', (userAgent, counted) => {
    const exchange = comes(10, { fields: ['User-Agent', userAgent] });
    exchange.answered(20, false);
    exchange.enter();
    expect(exchange.counted).toBe(counted);
  });

  test('half a head behind it is one', () => {
    for (const at of [10, 20]) {
      const exchange = comes(at);
      exchange.answered(at, false);
      exchange.enter();
    }
    socket.bytesRead += 3;
    expect(connection.kind()).toBe('half-head');
  });

  test('a body that its method does not have is no half head, and is known of from then on', () => {
    comes(10).answered(10, false);
    const exchange = comes(20, { fields: ['Content-Length', '5'], body: 5 });
    exchange.answered(30, false);
    expect([exchange.received, connection.hasHadBody]).toEqual([undefined, false]);
    exchange.enter();
    expect([connection.kind(), connection.hasHadBody]).toEqual(['idle', true]);
    const next = comes(40);
    next.answered(50, false);
    next.enter();
    socket.bytesRead += 3;
    expect([next.received, connection.kind()]).toEqual([socket.bytesRead - 3, 'half-head']);
  });

  test('a body that its method may have is known of at once', () => {
    comes(10).answered(10, false);
    const exchange = comes(20, { method: 'POST', fields: ['Content-Length', '5'], body: 3, complete: false });
    expect(connection.hasHadBody).toBe(true);
    exchange.answered(30, false);
    expect([exchange.received, exchange.complete]).toEqual([socket.bytesRead, false]);
  });
});
