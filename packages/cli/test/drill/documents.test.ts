import { describe, expect, it } from 'vitest';
import { chosenRequests, requestsInDocument } from '../../src/drill/requests/chosen.ts';
import { requestsInHar } from '../../src/drill/requests/har.ts';
import { requestsInOpenApi } from '../../src/drill/requests/openapi.ts';

const entry = (url: string, { method = 'GET', status = 200, text = '' } = {}) => ({
  request: {
    method,
    url,
    headers: [
      { name: 'Accept', value: 'application/json' },
      { name: 'Cookie', value: 'session=secret' },
      { name: 'Authorization', value: 'Bearer secret' },
    ],
    ...(text === '' ? {} : { postData: { text } }),
  },
  response: { status },
});

describe('a recording', () => {
  it('gives each request of the most frequent host once, by how often it occurs, without credentials', () => {
    const requests = requestsInHar('a.har', {
      log: {
        entries: [
          entry('https://shop.example/orders?page=1#top'),
          entry('https://shop.example/orders?page=1'),
          entry('https://shop.example/orders', { method: 'POST', text: '{}', status: 201 }),
          entry('https://shop.example/cached', { status: 304 }),
          entry('https://shop.example/old', { status: 301 }),
          entry('https://shop.example/broken', { status: 500 }),
          entry('https://metrics.example/collect'),
          entry('data:text/plain,x'),
          { request: {} },
          null,
        ],
      },
    });
    const headers = { accept: 'application/json' };
    expect(requests).toEqual([
      { method: 'GET', path: '/orders?page=1', headers, weight: 2, origin: 'found' },
      { method: 'POST', path: '/orders', headers, body: '{}', weight: 1, origin: 'found' },
      { method: 'GET', path: '/cached', headers, weight: 1, origin: 'found' },
    ]);
  });

  it.each([[null], [{}], [{ log: {} }], [[1]]])('refuses %j', (document) => {
    expect(() => requestsInHar('a.har', document)).toThrow('--har a.har: no HAR file');
  });
});

describe('an OpenAPI document', () => {
  const document = {
    openapi: '3.1.0',
    servers: [{ url: 'https://api.example/v1/' }],
    paths: {
      '/orders/{id}': {
        parameters: [{ $ref: '#/components/parameters/id' }],
        get: { parameters: [{ name: 'verbose', in: 'query', required: true, schema: { type: 'boolean' } }] },
        put: {
          requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } },
        },
      },
      '/search': {
        get: {
          parameters: [
            { name: 'q', in: 'query', required: true, examples: { one: { value: 'shoes & socks' } } },
            { name: 'page', in: 'query', schema: { type: 'integer' } },
            { name: 'X-Tenant', in: 'header', required: true, schema: { enum: ['acme', 'other'] } },
          ],
        },
      },
      '/files/{name}/{version}': {
        head: { parameters: [{ name: 'name', in: 'path', schema: { type: 'string', default: 'a/b' } }] },
      },
      'x-note': { get: {} },
    },
    components: {
      parameters: { id: { name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 7 } } },
      schemas: {
        Order: {
          type: 'object',
          required: ['lines', 'customer', 'note'],
          properties: {
            lines: { type: 'array' },
            customer: { type: 'object', required: ['id'], properties: { id: { type: 'number', example: 42 } } },
          },
        },
      },
    },
  };

  it('gives one request for each operation, with what the document says of its parameters', () => {
    const requests = requestsInOpenApi('a.yaml', document);
    expect(requests.map(({ method, path, headers, body }) => ({ method, path, headers, body }))).toEqual([
      { method: 'GET', path: '/v1/orders/7?verbose=true', headers: {}, body: undefined },
      {
        method: 'PUT',
        path: '/v1/orders/7',
        headers: { 'content-type': 'application/json' },
        body: '{"lines":[],"customer":{"id":42},"note":"a"}',
      },
      { method: 'GET', path: '/v1/search?q=shoes+%26+socks', headers: { 'x-tenant': 'acme' }, body: undefined },
      { method: 'HEAD', path: '/v1/files/a%2Fb/1', headers: {}, body: undefined },
    ]);
  });

  it('puts the defaults of its variables into the address of the server', () => {
    const servers = [{ url: 'https://{region}.example/{stage}/v1', variables: { stage: { default: 'live' } } }];
    const requests = requestsInOpenApi('a.json', { openapi: '3.0.0', servers, paths: { '/a': { get: {} } } });
    expect(requests.map(({ path }) => path)).toEqual(['/live/v1/a']);
  });

  it('makes up what a combined schema and a format ask for', () => {
    const schema = {
      allOf: [
        { type: 'object', required: ['id'], properties: { id: { type: 'string', format: 'uuid' } } },
        { $ref: '#/x/Priced' },
      ],
      required: ['kind'],
      type: 'object',
      properties: { kind: { const: 'order' } },
    };
    const price = { oneOf: [{ type: 'number', minimum: 3 }, { type: 'string' }] };
    const document = {
      openapi: '3.1.0',
      x: { Priced: { type: 'object', required: ['price'], properties: { price } } },
      paths: { '/a': { post: { requestBody: { content: { 'application/json': { schema } } } } } },
    };
    const [request] = requestsInOpenApi('a.json', document);
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id: '00000000-0000-4000-8000-000000000000',
      price: 3,
      kind: 'order',
    });
  });

  it('reads Swagger 2', () => {
    const requests = requestsInOpenApi('a.json', { swagger: '2.0', basePath: '/api', paths: { '/a': { get: {} } } });
    expect(requests.map(({ path }) => path)).toEqual(['/api/a']);
  });

  it('survives schemas that contain themselves', () => {
    const schemas = { Node: { type: 'object', required: ['next'], properties: { next: { $ref: '#/x/Node' } } } };
    const content = { 'application/json': { schema: { $ref: '#/x/Node' } } };
    const looped = { openapi: '3.0.0', x: schemas, paths: { '/a': { post: { requestBody: { content } } } } };
    expect(requestsInOpenApi('a.json', looped)).toHaveLength(1);
    const self = { openapi: '3.0.0', paths: { '/a': { $ref: '#/paths/~1a' } } };
    expect(requestsInOpenApi('a.json', self)).toEqual([]);
  });

  it.each([[null], [{ openapi: '3.0.0' }], [{ paths: {} }], ['text']])('refuses %j', (wrong) => {
    expect(() => requestsInOpenApi('a.yaml', wrong)).toThrow('no OpenAPI document');
  });
});

describe('a document that was named', () => {
  const har = (...entries: readonly unknown[]) => JSON.stringify({ log: { entries } });

  it('is not passed over in silence when nothing of it can be sent', () => {
    expect(() => requestsInDocument('har', 'a.har', har(entry('https://a.example/', { status: 404 })), false)).toThrow(
      '--har a.har: no request in it was answered with 2xx',
    );
    expect(() => requestsInDocument('openapi', 'a.yaml', 'openapi: 3.0.0\npaths: {}\n', true)).toThrow(
      '--openapi a.yaml: no operation is in it',
    );
    const post = har(entry('https://a.example/', { method: 'POST' }));
    expect(() => requestsInDocument('har', 'a.har', post, false)).toThrow('--har a.har: it has no GET or HEAD');
    expect(requestsInDocument('har', 'a.har', post, true)).toMatchObject([{ method: 'POST' }]);
  });

  it('is sent beside what was asked for, and GET / only where there is neither', () => {
    const found = requestsInDocument('har', 'a.har', har(entry('https://a.example/found')), false);
    const paths = (lines: readonly string[], more: typeof found) => chosenRequests(lines, more).map(({ path }) => path);
    expect(paths(['GET /asked'], found)).toEqual(['/asked', '/found']);
    expect(paths([], found)).toEqual(['/found']);
    expect(paths([], [])).toEqual(['/']);
  });
});
