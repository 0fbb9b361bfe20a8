import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consul } from '@prestop/registry-adapters/consul';
import { selfSignedCertificate } from '@prestop/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { consulEyes } from './consul-http.ts';
import { eventually, pause, stays } from './eventually.ts';
import { call, consulBinary, consulLab, failure, shows } from './real-consul.ts';

const binary = await consulBinary('options, TLS and maintenance against a real Consul (10 tests)');
const folder = mkdtempSync(join(tmpdir(), 'prestop-consul-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The rights that the documentation asks for. */
const RIGHTS = 'service "orders" { policy = "write" } node_prefix "" { policy = "read" }';

describe.skipIf(binary === undefined)('what the Consul adapter sends', () => {
  const { start, adapter } = consulLab(binary);

  it('reaches the server whole: tags, meta, weights, address and check', async () => {
    const server = await start();
    const eyes = consulEyes(server.addr);
    await adapter(server, {
      tags: ['blue', 'v1.2'],
      meta: { zone: 'a' },
      weights: { passing: 7, warning: 0 },
      check: { type: 'ttl', ttlMs: 15_000 },
      deregisterCriticalAfterMs: 90_000,
    }).register(call());
    expect(await eyes.get('/v1/agent/service/orders-1')).toMatchObject({
      ID: 'orders-1',
      Service: 'orders',
      Address: '127.0.0.1',
      Port: 3000,
      Tags: ['blue', 'v1.2'],
      Meta: { zone: 'a' },
      Weights: { Passing: 7, Warning: 0 },
    });
    const checks = await eyes.get('/v1/agent/checks');
    expect(checks).toMatchObject({ 'service:orders-1': { Type: 'ttl', Status: 'passing' } });
    const [entry] = (await eyes.get('/v1/health/service/orders?consistent=1')) as [{ Service: object }];
    expect(entry.Service).toMatchObject({ Weights: { Passing: 7, Warning: 0 } });
  });

  it('is good until the time to live has passed without a heartbeat, then critical', async () => {
    const server = await start();
    const eyes = consulEyes(server.addr);
    const orders = adapter(server, { check: { type: 'ttl', ttlMs: 1_000, heartbeatMs: 200 } });
    await orders.register(call());
    await stays(async () => String(await eyes.passingIds('orders')), 'orders-1', 2_000);
    await orders.close();
    await eventually(async () => String(await eyes.passingIds('orders')), '', 3_000);
    expect(await eyes.ids('orders')).toEqual(['orders-1']);
  });

  it('lets the agent check over HTTP: passing while the instance answers', async () => {
    const server = await start();
    const eyes = consulEyes(server.addr);
    const paths: (string | undefined)[] = [];
    const instance = createServer((request, response) => {
      paths.push(request.url);
      response.end();
    });
    await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve));
    const { port } = instance.address() as AddressInfo;
    try {
      const orders = adapter(server, { port, check: { type: 'http', url: '/livez', intervalMs: 1_000 } });
      await orders.register(call());
      expect(await eyes.passingIds('orders')).toEqual(['orders-1']);
      await eventually(async () => paths[0], '/livez', 3_000);
      await stays(async () => String(await eyes.passingIds('orders')), 'orders-1', 1_200);
      expect(await orders.deregister(call())).toBe('removed');
    } finally {
      instance.close();
      instance.closeAllConnections();
    }
  });

  it('turns maintenance on and off, and a registration ends what was left of it', async () => {
    const server = await start();
    const eyes = consulEyes(server.addr);
    const orders = adapter(server, { check: { type: 'ttl', ttlMs: 2_000, heartbeatMs: 50 } });
    expect(await failure(orders.maintenance('on', call()))).toMatchObject({ kind: 'invalid', status: 404 });

    await orders.register(call());
    await orders.maintenance('on', { ...call(), reason: 'rolling update' });
    await eventually(async () => String(await eyes.passingIds('orders')), '', 2_000);
    expect(await eyes.get('/v1/agent/checks')).toMatchObject({
      '_service_maintenance:orders-1': { Notes: 'rolling update' },
    });
    // Heartbeats go on and change nothing about it.
    await pause(200);
    expect(await eyes.passingIds('orders')).toEqual([]);
    expect(await orders.check(call())).toBe('visible');
    await orders.maintenance('off', call());
    await eventually(async () => String(await eyes.passingIds('orders')), 'orders-1', 2_000);

    await orders.maintenance('on', call());
    await adapter(server).register(call());
    await eventually(async () => String(await eyes.passingIds('orders')), 'orders-1', 2_000);
    expect(await orders.deregister(call())).toBe('removed');
  });

  it('takes its address, token and token file from the environment that it is given', async () => {
    const server = await start({ acl: 'deny' });
    const token = await server.createToken('orders', RIGHTS);
    const file = join(folder, 'token');
    writeFileSync(file, 'not-yet\n');
    const { host } = new URL(server.addr);
    const options = { name: 'orders', port: 3000, address: '127.0.0.1', id: 'orders-1' };
    const direct = consul({ ...options, env: { CONSUL_HTTP_ADDR: host, CONSUL_HTTP_TOKEN: token } });
    const rotated = consul({ ...options, env: { CONSUL_HTTP_ADDR: server.addr, CONSUL_HTTP_TOKEN_FILE: file } });
    try {
      await direct.register(call());
      await shows(direct, 'visible');
      expect((await failure(rotated.deregister(call()))).kind).toBe('auth');
      writeFileSync(file, `${token}\n`);
      expect(await rotated.deregister(call())).toBe('removed');
      rmSync(file);
      const error = await failure(rotated.deregister(call()));
      expect(error).toMatchObject({ kind: 'auth' });
      expect(error.message).toContain(file);
    } finally {
      await Promise.all([direct.close(), rotated.close()]);
    }
  });

  it('goes through a unix socket', async () => {
    const socket = join(folder, 'consul.sock');
    const server = await start({ config: { addresses: { http: `127.0.0.1 unix://${socket}` } } });
    const orders = adapter({ addr: `unix://${socket}` });
    await orders.register(call());
    await shows(orders, 'visible');
    expect(await consulEyes(server.addr).ids('orders')).toEqual(['orders-1']);
    expect(await orders.deregister(call())).toBe('removed');
  });

  it('makes no call once it is closed', async () => {
    const server = await start();
    const orders = adapter(server);
    await orders.close();
    for (const method of ['register', 'deregister', 'check'] as const) {
      const error = await failure(orders[method](call()));
      expect(error.message).toContain('closed');
    }
    expect(await consulEyes(server.addr).ids('orders')).toEqual([]);
  });
});

describe.skipIf(binary === undefined)('the Consul adapter and TLS', () => {
  const { start, adapter } = consulLab(binary);
  const { cert, key } = selfSignedCertificate();
  const other = selfSignedCertificate();
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const files = { certFile, keyFile, caFile: certFile };

  it('trusts what it is told to trust', async () => {
    const server = await start({ tls: files });
    const orders = adapter(server, { tls: { ca: cert } });
    await orders.register(call());
    await shows(orders, 'visible');
    expect(await orders.deregister(call())).toBe('removed');

    for (const tls of [undefined, { ca: other.cert }]) {
      const error = await failure(adapter(server, tls === undefined ? {} : { tls }).register(call()));
      expect(error).toMatchObject({ kind: 'invalid', retryable: false });
      expect(error.message).toContain('is not trusted');
    }
    await adapter(server, { tls: { rejectUnauthorized: false } }).register(call());
    expect(await adapter(server, { env: { CONSUL_CACERT: certFile } }).deregister(call())).toBe('removed');
  });

  it('shows its certificate where Consul wants one', async () => {
    const server = await start({ tls: { ...files, clientCertificate: 'required' } });
    await adapter(server, { tls: { ca: cert, cert, key } }).register(call());
    const error = await failure(adapter(server, { tls: { ca: cert } }).register(call()));
    expect(error.kind).toBe('invalid');
    expect(error.message).toContain('certificate');
    const env = { CONSUL_CACERT: certFile, CONSUL_CLIENT_CERT: certFile, CONSUL_CLIENT_KEY: keyFile };
    expect(await adapter(server, { env }).deregister(call())).toBe('removed');
  });

  it('says so when the scheme is the wrong one', async () => {
    const [secure, plain] = await Promise.all([start({ tls: files }), start()]);
    const http = await failure(adapter({ addr: secure.addr.replace('https:', 'http:') }).register(call()));
    expect(http).toMatchObject({ kind: 'invalid', status: 400 });
    expect(http.message).toContain('use https://');
    const https = await failure(adapter({ addr: plain.addr.replace('http:', 'https:') }).register(call()));
    expect(https).toMatchObject({ kind: 'invalid' });
    expect(https.message).toContain('use http://');
  });
});

describe('the Consul adapter, when something else answers', () => {
  const { adapter } = consulLab(binary);

  it.each([
    { what: 'a web page', status: 200, body: '<html>', kind: 'invalid' },
    { what: 'a page that is missing', status: 404, body: 'no such page', kind: 'invalid' },
    { what: 'a redirection', status: 302, body: '', kind: 'invalid' },
    { what: 'a proxy in trouble', status: 502, body: 'Bad Gateway', kind: 'unavailable' },
  ])('$what: kind $kind', async ({ status, body, kind }) => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html', location: '/elsewhere' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const error = await failure(adapter({ addr: `http://127.0.0.1:${port}` }).check(call()));
      expect(error.kind).toBe(kind);
      expect(error.message).toContain(`http://127.0.0.1:${port}`);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
