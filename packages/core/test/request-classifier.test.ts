import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createClassifier, UNCOUNTED_USER_AGENTS } from '../src/request-classifier.ts';

function request(headers: readonly string[], shape: Partial<IncomingMessage> = {}): IncomingMessage {
  const socket = { remoteAddress: '10.0.0.9' };
  return { method: 'GET', url: '/orders?id=1', rawHeaders: headers, socket, ...shape } as unknown as IncomingMessage;
}

const classify = createClassifier({ uncountedUserAgents: UNCOUNTED_USER_AGENTS });

test('an event stream is one by what it accepts, where the policy asks', () => {
  const accepts = (accept: string | undefined, eventStreams?: 'leave' | 'wait'): boolean | undefined =>
    createClassifier({ uncountedUserAgents: [], ...(eventStreams && { longLived: { eventStreams } }) })(
      request([], { headers: { ...(accept !== undefined && { accept }) } }),
    ).leaves;
  expect(accepts('text/event-stream', 'leave')).toBe(true);
  expect(accepts('application/json, Text/Event-Stream;q=0.9', 'leave')).toBe(true);
  expect(accepts('text/html', 'leave')).toBe(false);
  expect(accepts(undefined, 'leave')).toBe(false);
  for (const policy of ['wait', undefined] as const) expect(accepts('text/event-stream', policy)).toBe(false);
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
    expect(classify(request(['Host', 'x', 'User-Agent', userAgent])).counted).toBe(false);
  });

  test.each(['Mozilla/5.0', 'undici', 'my-kube-probe/1', 'KUBE-PROBE/1', 'prometheus'])('%s is', (userAgent) => {
    expect(classify(request(['User-Agent', userAgent])).counted).toBe(true);
  });

  test('a request without a user agent is', () => {
    expect(classify(request(['Host', 'x']))).toMatchObject({ counted: true, userAgent: '' });
    expect(classify(request([]))).toMatchObject({ counted: true, userAgent: '' });
  });

  test('the name of the header is taken in any case, its value as it is, and the first one counts', () => {
    expect(classify(request(['USER-AGENT', 'kube-probe/1.34'])).counted).toBe(false);
    expect(classify(request(['user-agent', 'a', 'user-agent', 'kube-probe/1'])).userAgent).toBe('a');
  });

  test('a header value is never taken for a header name', () => {
    expect(classify(request(['X-Note', 'user-agent', 'Accept', 'kube-probe/1.34'])).userAgent).toBe('');
  });

  test("the list is the user's own when given, and may be empty", () => {
    const own = createClassifier({ uncountedUserAgents: ['uptime/'] });
    expect(own(request(['User-Agent', 'uptime/2'])).counted).toBe(false);
    expect(own(request(['User-Agent', 'kube-probe/1.34'])).counted).toBe(true);
    expect(createClassifier({ uncountedUserAgents: [] })(request(['User-Agent', 'Prometheus/3'])).counted).toBe(true);
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
    expect(own(request([], { url: '/healthz' })).counted).toBe(false);
    expect(own(request([], { url: '/orders' })).counted).toBe(true);
    expect(own(request(['User-Agent', 'kube-probe/1.34'], { url: '/ready' })).counted).toBe(false);
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
  expect([own(request([])).counted, failures]).toEqual([true, [thrown]]);
});

test('the facts are those of the request', () => {
  expect(classify(request(['User-Agent', 'a/1'], { method: 'POST' }))).toEqual({
    method: 'POST',
    target: '/orders?id=1',
    userAgent: 'a/1',
    peer: { remoteAddress: '10.0.0.9' },
    counted: true,
    leaves: false,
  });
});

test('nothing is invented for what a request does not say', () => {
  const bare = { rawHeaders: [], socket: {} } as unknown as IncomingMessage;
  expect(classify(bare)).toEqual({
    method: '',
    target: '',
    userAgent: '',
    peer: {},
    counted: true,
    leaves: false,
  });
});
