import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createClassifier, readFields, UNCOUNTED_USER_AGENTS } from '../src/request-classifier.ts';

function request(headers: readonly string[], shape: Partial<IncomingMessage> = {}): IncomingMessage {
  const socket = { remoteAddress: '10.0.0.9' };
  return { method: 'GET', url: '/orders?id=1', rawHeaders: headers, socket, ...shape } as unknown as IncomingMessage;
}

const userAgentOf = (rawHeaders: readonly string[]): string => readFields(rawHeaders).userAgent;

const classifier = createClassifier({ uncountedUserAgents: UNCOUNTED_USER_AGENTS });

test('an event stream is one by what it accepts, where the policy asks', () => {
  const accepts = (accept: string | undefined, eventStreams?: 'leave' | 'wait'): boolean | undefined =>
    createClassifier({ uncountedUserAgents: [], ...(eventStreams && { longLived: { eventStreams } }) }).leaves(
      request([], { headers: { ...(accept !== undefined && { accept }) } }),
    );
  expect(accepts('text/event-stream', 'leave')).toBe(true);
  expect(accepts('application/json, Text/Event-Stream;q=0.9', 'leave')).toBe(true);
  expect(accepts('text/html', 'leave')).toBe(false);
  expect(accepts(undefined, 'leave')).toBe(false);
  for (const policy of ['wait', undefined] as const) expect(accepts('text/event-stream', policy)).toBe(false);
});

test('the user agent alone is asked unless somebody has to see the request', () => {
  const made = (options: object): unknown =>
    createClassifier({ uncountedUserAgents: ['probe/'], ...options }).countsAgent;
  expect(made({ isCounted: () => true })).toBeUndefined();
  expect(made({ longLived: { eventStreams: 'leave' } })).toBeUndefined();
  const counts = made({ longLived: { eventStreams: 'wait' } }) as (userAgent: string) => boolean;
  expect(['probe/1', 'browser', ''].map(counts)).toEqual([false, true, true]);
});

test.each([
  [true, ['Content-Length', '5']],
  [true, ['Host', 'x', 'transfer-encoding', 'chunked']],
  [false, ['Host', 'x', 'X-Note', 'Content-Length']],
  [false, ['Authorization1', 'y', 'If-None-Match-Not', 'z']],
  [false, []],
])('that a body is announced is %s of %j', (announced, rawHeaders) => {
  expect(readFields(rawHeaders).announcesBody).toBe(announced);
});

test('the octets of the fields are those of `Name: value` and CRLF', () => {
  const fields = ['Host: shop', 'Content-Type: text/plain', 'Accept: */*'];
  const rawHeaders = fields.flatMap((field) => field.split(': '));
  expect(readFields(rawHeaders).octets).toBe(`${fields.join('\r\n')}\r\n`.length);
  expect(readFields([]).octets).toBe(0);
});

describe('what is counted', () => {
  test.each([
    'kube-probe/1.34',
    'kube-lifecycle/1.34',
    'Consul Health Check',
    'Nacos-Server:v3.0.1',
    'Prometheus/3.1.0',
    'ELB-HealthChecker/2.0',
    'GoogleHC/1.0',
    'Envoy/HC',
  ])('%s is not', (userAgent) => {
    expect(classifier.counts(request(['Host', 'x', 'User-Agent', userAgent]))).toBe(false);
  });

  test.each(['Mozilla/5.0', 'undici', 'my-kube-probe/1', 'KUBE-PROBE/1', 'prometheus'])('%s is', (userAgent) => {
    expect(classifier.counts(request(['User-Agent', userAgent]))).toBe(true);
  });

  test('a request without a user agent is', () => {
    for (const headers of [['Host', 'x'], []]) {
      expect([classifier.counts(request(headers)), userAgentOf(headers)]).toEqual([true, '']);
    }
  });

  test('the name of the header is taken in any case, its value as it is, and the first one counts', () => {
    expect(classifier.counts(request(['USER-AGENT', 'kube-probe/1.34']))).toBe(false);
    expect(userAgentOf(['user-agent', 'a', 'user-agent', 'kube-probe/1'])).toBe('a');
  });

  test('a header value is never taken for a header name', () => {
    expect(userAgentOf(['X-Note', 'user-agent', 'Accept', 'kube-probe/1.34'])).toBe('');
  });

  test("the list is the user's own when given, and may be empty", () => {
    const own = createClassifier({ uncountedUserAgents: ['uptime/'] });
    expect(own.counts(request(['User-Agent', 'uptime/2']))).toBe(false);
    expect(own.counts(request(['User-Agent', 'kube-probe/1.34']))).toBe(true);
    expect(createClassifier({ uncountedUserAgents: [] }).counts(request(['User-Agent', 'Prometheus/3']))).toBe(true);
  });

  test('isCounted has the last word on what would be counted, and is not asked about the others', () => {
    const asked: string[] = [];
    const own = createClassifier({
      uncountedUserAgents: UNCOUNTED_USER_AGENTS,
      isCounted: ({ url = '' }) => {
        asked.push(url);
        return url !== '/healthz';
      },
    });
    expect(own.counts(request([], { url: '/healthz' }))).toBe(false);
    expect(own.counts(request([], { url: '/orders' }))).toBe(true);
    expect(own.counts(request(['User-Agent', 'kube-probe/1.34'], { url: '/ready' }))).toBe(false);
    expect(asked).toEqual(['/healthz', '/orders']);
  });
});

test('an isCounted that throws counts the request and is told of: Node would end the process for it', () => {
  const failures: unknown[] = [];
  const thrown = new TypeError('no such header');
  const own = createClassifier(
    {
      uncountedUserAgents: [],
      isCounted: () => {
        throw thrown;
      },
    },
    (error) => failures.push(error),
  );
  expect([own.counts(request([])), failures]).toEqual([true, [thrown]]);
});

test('names that are as long as the one that is looked for, or begin like it, are others', () => {
  expect(userAgentOf(['Connection', 'keep-alive', 'u-ser-agen', 'x', 'User-Agent', 'a/1'])).toBe('a/1');
  expect(userAgentOf(['User-Agents', 'x', 'USER-agenT', 'a/1'])).toBe('a/1');
});

test('nothing is invented for what a request does not say', () => {
  expect(classifier.counts({ rawHeaders: [], socket: {} } as unknown as IncomingMessage)).toBe(true);
});
