import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  ENDPOINTS,
  type Endpoint,
  type EndpointHandlerOptions,
  type EndpointTarget,
  endpointHandler,
  GUARDED_ENDPOINTS,
  TOKEN_HEADER,
} from '../src/endpoints.ts';
import { settle } from './support/fake-clock.ts';
import { reportOf } from './support/report-of.ts';

const STATUS = {
  phase: 'ready',
  ready: true,
  live: true,
  inFlight: 0,
  answered: 0,
  late: 0,
  held: 0,
  connections: {},
  registries: {},
  remainingMs: null,
} as const;

interface Answer {
  handled: boolean;
  status?: number;
  headers: Record<string, unknown>;
  body?: string | undefined;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function endpoints(options: EndpointHandlerOptions = {}, changes: Partial<EndpointTarget> = {}) {
  const calls: string[] = [];
  const refused: [Endpoint, string, string][] = [];
  const target: EndpointTarget = {
    prestop: async () => {
      calls.push('prestop');
      return reportOf({});
    },
    poststart: async () => void calls.push('poststart'),
    live: () => ({ ok: true, reason: 'ready' }),
    ready: () => ({ ok: true, reason: 'ready' }),
    status: async () => STATUS,
    refused: (...what) => refused.push(what),
    uncount: () => void calls.push('uncount'),
    ...changes,
  };
  const handle = endpointHandler(target, options);
  const call = async (url: string, { method = 'GET', headers = {} }: Call = {}): Promise<Answer> => {
    const answer: Answer = { handled: false, headers: {} };
    const response = {
      headersSent: false,
      destroyed: false,
      setHeader: (name: string, value: unknown) => {
        answer.headers[name.toLowerCase()] = value;
      },
      writeHead: (status: number, given: object) => {
        answer.status = status;
        for (const [name, value] of Object.entries(given)) answer.headers[name.toLowerCase()] = value;
        response.headersSent = true;
      },
      end: (body?: string) => {
        answer.body = body;
      },
    };
    const request = { method, url, headers, socket: { remoteAddress: '10.0.0.7' }, resume: () => {} };
    answer.handled = handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    await settle();
    return answer;
  };
  return { call, calls, refused };
}

describe('which endpoint a request is for', () => {
  test.each(ENDPOINTS)('%s, however many slashes and whatever query', async (endpoint) => {
    const { call } = endpoints();
    for (const url of [
      endpoint,
      `/${endpoint}`,
      `//${endpoint}`,
      `${endpoint}/`,
      `${endpoint}?x=1`,
      `/${endpoint}/?a?b`,
    ]) {
      expect(await call(url)).toMatchObject({ handled: true, status: 200 });
    }
  });

  test.each([
    '',
    '/',
    '//',
    '*',
    '/prestopped',
    '/pre/stop',
    '/PRESTOP',
    '/api/prestop',
    '/prestop/now',
    '/%70restop',
    '/?/prestop',
    'http://pod:9090/prestop',
  ])('"%s" is none, and nothing is done', async (url) => {
    const { call, calls } = endpoints();
    expect(await call(url)).toMatchObject({ handled: false, headers: {} });
    expect(calls).toEqual([]);
  });

  test('only those that are exposed', async () => {
    const { call, calls } = endpoints({ expose: ['/livez', '/readyz'] });
    expect((await call('/livez')).handled).toBe(true);
    expect((await call('/prestop')).handled).toBe(false);
    expect(calls).toEqual(['uncount']);
  });
});

describe('methods', () => {
  test.each([
    ...(['/prestop', '/poststart'] as const).map((path) => [path, ['GET', 'HEAD', 'POST']] as const),
    ...(['/livez', '/readyz', '/status', '/metrics'] as const).map((path) => [path, ['GET', 'HEAD']] as const),
  ])('%s takes %j', async (path, methods) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'get']) {
      const { call, calls } = endpoints();
      const { status, headers } = await call(path, { method });
      if (methods.includes(method as never)) expect(status).toBe(200);
      else expect([status, headers['allow'], calls]).toEqual([405, methods.join(', '), ['uncount']]);
    }
  });

  test('HEAD has the head of GET and no body', async () => {
    const { call } = endpoints();
    const [get, head] = [await call('/status'), await call('/status', { method: 'HEAD' })];
    expect(head.headers).toEqual(get.headers);
    expect([head.body, Buffer.byteLength(get.body ?? '')]).toEqual([undefined, get.headers['content-length']]);
  });
});

describe('answers', () => {
  test('are small, of known length, not stored, and end the connection', async () => {
    const { call } = endpoints();
    for (const path of ENDPOINTS) {
      const { headers, body = '' } = await call(path);
      expect(headers).toMatchObject({
        connection: 'close',
        'cache-control': 'no-store',
        'content-length': Buffer.byteLength(body),
      });
      expect(headers['location']).toBeUndefined();
    }
  });

  test('/prestop gives the report, /status the status', async () => {
    const { call } = endpoints();
    expect(JSON.parse((await call('/prestop')).body ?? '')).toEqual(reportOf({}));
    expect(JSON.parse((await call('/status')).body ?? '')).toEqual(STATUS);
  });

  test('/livez and /readyz say why not', async () => {
    const no = () => ({ ok: false, reason: 'draining' });
    const { call } = endpoints({}, { live: no, ready: no });
    for (const path of ['/livez', '/readyz']) {
      const { status, body = '' } = await call(path);
      expect([status, JSON.parse(body)]).toEqual([503, { status: 'fail', reason: 'draining' }]);
    }
  });

  test('a start that will not happen is 503 with the reason', async () => {
    const { call } = endpoints({}, { poststart: () => Promise.reject(new Error('the service is terminating')) });
    expect(await call('/poststart')).toMatchObject({ status: 503, body: '{"error":"the service is terminating"}\n' });
  });

  test('a prestop that fails is answered too', async () => {
    const { call } = endpoints({}, { prestop: () => Promise.reject(new Error('stopped')) });
    expect(await call('/prestop')).toMatchObject({ status: 503 });
  });

  test('every call of an endpoint is taken out of the traffic, refused ones too', async () => {
    const { call, calls } = endpoints({ token: 'a-long-token' });
    for (const path of ENDPOINTS) await call(path);
    expect(calls.filter((name) => name === 'uncount')).toHaveLength(ENDPOINTS.length);
  });
});

describe('the token', () => {
  const token = 's3cret-t0ken';

  test.each(GUARDED_ENDPOINTS)('%s asks for it, in its own header or as a bearer token', async (path) => {
    const { call, refused } = endpoints({ token });
    expect((await call(path, { headers: { [TOKEN_HEADER]: token } })).status).toBe(200);
    expect((await call(path, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect((await call(path, { headers: { authorization: `bearer  ${token}` } })).status).toBe(200);
    expect(refused).toEqual([]);
  });

  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['an empty one', { [TOKEN_HEADER]: '' }],
    ['a wrong one', { [TOKEN_HEADER]: 's3cret-t0keN' }],
    ['the beginning of it', { [TOKEN_HEADER]: token.slice(0, -1) }],
    ['more than it', { [TOKEN_HEADER]: `${token}x` }],
    ['it twice, as Node joins headers', { [TOKEN_HEADER]: `${token}, ${token}` }],
    ['it in another scheme', { authorization: `Basic ${token}` }],
    ['it without a scheme', { authorization: token }],
    ['a wrong one with the right one beside it', { [TOKEN_HEADER]: 'wrong', authorization: `Bearer ${token}` }],
  ])('%s is refused, and told, and nothing is done', async (_, headers) => {
    for (const path of GUARDED_ENDPOINTS) {
      const { call, calls, refused } = endpoints({ token });
      expect(await call(path, { headers })).toMatchObject({ status: 403, body: '{"error":"forbidden"}\n' });
      expect(calls).toEqual(['uncount']);
      expect(refused).toEqual([[path, '10.0.0.7', 'the token is missing or wrong']]);
    }
  });

  test('probes never need it: the kubelet would restart a healthy pod', async () => {
    const { call } = endpoints({ token });
    expect([(await call('/livez')).status, (await call('/readyz')).status]).toEqual([200, 200]);
    expect(ENDPOINTS.filter((path) => !GUARDED_ENDPOINTS.includes(path))).toEqual(['/livez', '/readyz']);
  });

  test('is never in an answer', async () => {
    const { call } = endpoints({ token });
    for (const path of ENDPOINTS) expect(JSON.stringify(await call(path))).not.toContain(token);
  });
});
