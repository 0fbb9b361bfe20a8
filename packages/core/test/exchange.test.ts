import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Connection } from '../src/connection.ts';
import { Exchange } from '../src/exchange.ts';
import type { RequestClassifier } from '../src/request-classifier.ts';

const BY_AGENT: RequestClassifier = {
  counts: () => {
    throw new Error("the request may be a router's by now");
  },
  countsAgent: (userAgent) => userAgent !== 'probe',
  leaves: () => {
    throw new Error("the request may be a router's by now");
  },
};
const CONNECTION = new Connection({} as Socket, 0);

interface Shape {
  readonly method?: string;
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly complete?: boolean;
  readonly classifier?: RequestClassifier;
}

function comes({ method, target, fields = [], complete = true, classifier = BY_AGENT }: Shape = {}): Exchange {
  const message = {
    request: { complete, method: 'ROUTED', url: '/routed', rawHeaders: [] } as unknown as IncomingMessage,
    response: {} as ServerResponse,
    socket: CONNECTION.socket,
    server: {},
  };
  return new Exchange(CONNECTION, message, { method, target, fields }, classifier, 10);
}

describe('a request', () => {
  test('is known by what it said when it came', () => {
    const { method, target, startedAt } = comes({ method: 'GET', target: '/orders' });
    expect({ method, target, startedAt }).toEqual({ method: 'GET', target: '/orders', startedAt: 10 });
  });

  test.each([
    ['probe', false],
    ['browser', true],
  ])('is counted by its user agent: %s, %s', (userAgent, counted) => {
    const exchange = comes({ fields: ['User-Agent', userAgent] });
    expect([exchange.counted, exchange.leaves]).toEqual([counted, false]);
  });

  test.each([true, false])('is counted as the classifier says that has to see it: %s', (says) => {
    const classifier = { counts: () => says, countsAgent: undefined, leaves: () => says };
    const exchange = comes({ classifier });
    expect([exchange.counted, exchange.leaves]).toEqual([says, says]);
  });

  test('has a head as long as common clients write it', () => {
    const { headLength } = comes({ method: 'GET', target: '/a', fields: ['Host', 'x'] });
    expect(headLength).toBe('GET /a HTTP/1.1\r\nHost: x\r\n\r\n'.length);
  });
});

describe('an answered request', () => {
  const body = { method: 'POST', fields: ['Content-Length', '5'] };

  test.each([
    ['without a body', { method: 'GET', complete: false }],
    ['with all of its body', body],
  ])('%s is held no longer', (_, shape) => {
    const exchange = comes(shape);
    exchange.answered(20, 100);
    const { request, response, complete, answeredAt, received } = exchange;
    expect({ request, response, complete, answeredAt, received }).toEqual({
      request: undefined,
      response: undefined,
      complete: true,
      answeredAt: 20,
      received: 100,
    });
  });

  test('whose body is still to come is held: it says how long that is', () => {
    const exchange = comes({ ...body, complete: false });
    exchange.answered(20, 100);
    expect([exchange.complete, exchange.request === undefined, exchange.response]).toEqual([false, false, undefined]);
  });
});
