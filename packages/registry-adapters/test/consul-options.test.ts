import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLifecycleError } from '@prestop/core';
import { type ConsulOptions, consul, consulSettleMs } from '@prestop/registry-adapters/consul';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'prestop-consul-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PEM = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';

function refusal(options: object): unknown {
  try {
    consul({ name: 'orders', port: 3000, ...options } as ConsulOptions);
  } catch (error) {
    expect(isLifecycleError(error), String(error)).toBe(true);
    return error;
  }
  throw new Error('it was expected to be refused');
}

describe('the options of consul()', () => {
  it.each<[object, string]>([
    [{ name: undefined }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'or/ders' }, 'name'],
    [{ name: 'a'.repeat(129) }, 'name'],
    [{ port: undefined }, 'port'],
    [{ port: 0 }, 'port'],
    [{ port: 70_000 }, 'port'],
    [{ port: '3000' }, 'port'],
    [{ address: 'http://10.0.0.1' }, 'address'],
    [{ address: '10.0.0.1:3000' }, 'address'],
    [{ id: 'a b' }, 'id'],
    [{ tags: 'blue' }, 'tags'],
    [{ tags: [1] }, 'tags'],
    [{ meta: { zone: 1 } }, 'meta'],
    [{ meta: { 'a b': 'x' } }, 'meta'],
    [{ weights: { passing: 0, warning: 1 } }, 'weights.passing'],
    [{ weights: { passing: 1, warning: -1 } }, 'weights.warning'],
    [{ weights: { passing: 1 } }, 'weights.warning'],
    [{ check: 'ttl' }, 'check'],
    [{ check: { type: 'tcp' } }, 'check.type'],
    [{ check: { type: 'ttl', ttlMs: 999 } }, 'check.ttlMs'],
    [{ check: { type: 'ttl', heartbeatMs: 49 } }, 'check.heartbeatMs'],
    [{ check: { type: 'http' } }, 'check.url'],
    [{ check: { type: 'http', url: 'livez' } }, 'check.url'],
    [{ check: { type: 'http', url: '/livez', intervalMs: 10 } }, 'check.intervalMs'],
    [{ check: { type: 'http', url: '/livez', verifyTls: 'no' } }, 'check.verifyTls'],
    [{ deregisterCriticalAfterMs: 30_000 }, 'deregisterCriticalAfterMs'],
    [{ url: '' }, 'url'],
    [{ url: 'localhost:8500' }, 'url'],
    [{ url: 'consul' }, 'url'],
    [{ url: 'grpc://localhost:8502' }, 'url'],
    [{ url: 'http://localhost:8500/?dc=1' }, 'url'],
    [{ url: 'http://%zz:x@localhost:8500' }, 'url'],
    [{ url: 'unix://' }, 'url'],
    [{ token: '' }, 'token'],
    [{ token: 'with a space' }, 'token'],
    [{ tokenFile: 1 }, 'tokenFile'],
    [{ tls: { ca: '/etc/ca.pem' } }, 'tls.ca'],
    [{ tls: { ca: [] } }, 'tls.ca'],
    [{ tls: { rejectUnauthorized: 0 } }, 'tls.rejectUnauthorized'],
    [{ namespace: '' }, 'namespace'],
    [{ partition: 1 }, 'partition'],
    [{ env: 'CONSUL_HTTP_ADDR=x' }, 'env'],
    [{ requestTimeoutMs: 49 }, 'requestTimeoutMs'],
    [{ requestTimeoutMs: '2s' }, 'requestTimeoutMs'],
    [{ settleMs: -1 }, 'settleMs'],
    [{ onHeartbeatError: 'log' }, 'onHeartbeatError'],
    [{ registryName: '' }, 'registryName'],
  ])('%j is refused', (options, option) => {
    expect(refusal(options)).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option });
  });

  it.each<[object, string]>([
    [{ check: { type: 'ttl', ttlMs: 1_000, heartbeatMs: 1_000 } }, 'check.heartbeatMs'],
    [{ check: { type: 'http', url: '/livez', intervalMs: 1_000, timeoutMs: 1_001 } }, 'check.timeoutMs'],
    [{ token: 'a', tokenFile: 'b' }, 'tokenFile'],
    [{ tls: { cert: PEM } }, 'tls.key'],
    [{ tls: { key: PEM } }, 'tls.cert'],
  ])('%j is a conflict', (options, option) => {
    expect(refusal(options)).toMatchObject({ code: 'ERR_PRESTOP_OPTION_CONFLICT', option });
  });

  it.each<[object, string]>([
    [{ nmae: 'orders' }, 'nmae'],
    [{ check: { type: 'ttl', url: '/livez' } }, 'check.url'],
    [{ check: { type: 'http', url: '/livez', ttlMs: 1_000 } }, 'check.ttlMs'],
    [{ weights: { passing: 1, warning: 1, critical: 1 } }, 'weights.critical'],
    [{ tls: { caFile: 'x' } }, 'tls.caFile'],
  ])('%j does not exist', (options, option) => {
    expect(refusal(options)).toMatchObject({ code: 'ERR_PRESTOP_OPTION_UNKNOWN', option });
  });

  it.each<[object, string]>([
    [{ token: 'hunter two' }, 'hunter'],
    [{ tls: { passphrase: 12_345_678 } }, '12345678'],
    [{ tls: { key: 'hunter2' } }, 'hunter2'],
    [{ url: 'ftp://user:hunter2@localhost' }, 'hunter2'],
    [{ url: 'user:hunter2@localhost:8500' }, 'hunter2'],
    [{ url: 'http://user:hunter2@localhost:8500?x' }, 'hunter2'],
    [{ env: { CONSUL_HTTP_TOKEN: 'hunter two' } }, 'hunter'],
    [{ env: { CONSUL_HTTP_ADDR: 'ftp://localhost', CONSUL_HTTP_AUTH: 'user:hunter2' } }, 'hunter2'],
  ])('%j is refused without showing its secret', (options, secret) => {
    const error = refusal(options);
    expect(String(error)).not.toContain(secret);
    expect(JSON.stringify(error)).not.toContain(secret);
  });

  it('has the defaults that it documents', async () => {
    const adapter = consul({ name: 'orders', port: 3000 });
    expect(adapter).toMatchObject({ name: 'consul', settleMs: 1_000 });
    expect(consulSettleMs.blockingQuery).toBe(1_000);
    await adapter.close();
    const named = consul({ name: 'orders', port: 3000, registryName: 'second', settleMs: consulSettleMs.traefik });
    expect(named).toMatchObject({ name: 'second', settleMs: 18_000 });
    await named.close();
  });

  it.each([
    'http://localhost:8500',
    'http://localhost:8500/',
    'https://user:secret@consul.internal/prefix',
    'http://[::1]:8500',
    'unix:///run/consul.sock',
  ])('url %s is accepted', async (url) => {
    await consul({ name: 'orders', port: 3000, url }).close();
  });
});

describe('the environment of consul()', () => {
  it('may be process.env itself, which is no plain object', () => {
    consul({ name: 'orders', port: 3000, env: process.env });
  });

  it.each<[Record<string, string>, string]>([
    [{ CONSUL_HTTP_SSL: 'yes' }, 'env.CONSUL_HTTP_SSL'],
    [{ CONSUL_HTTP_SSL_VERIFY: 'maybe' }, 'env.CONSUL_HTTP_SSL_VERIFY'],
    [{ CONSUL_HTTP_ADDR: 'ftp://localhost' }, 'env.CONSUL_HTTP_ADDR'],
    [{ CONSUL_HTTP_TOKEN: 'a b' }, 'env.CONSUL_HTTP_TOKEN'],
    [{ CONSUL_CACERT: join(folder, 'missing') }, 'env.CONSUL_CACERT'],
    [{ CONSUL_CAPATH: join(folder, 'missing') }, 'env.CONSUL_CAPATH'],
    [{ CONSUL_CLIENT_CERT: folder, CONSUL_CLIENT_KEY: folder }, 'env.CONSUL_CLIENT_CERT'],
  ])('%j is refused by the name of the variable', (env, option) => {
    expect(refusal({ env })).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option });
  });

  it('is not read unless it is given', async () => {
    process.env['CONSUL_HTTP_ADDR'] = 'ftp://nowhere';
    try {
      await consul({ name: 'orders', port: 3000 }).close();
    } finally {
      delete process.env['CONSUL_HTTP_ADDR'];
    }
  });

  it('loses against an option', async () => {
    writeFileSync(join(folder, 'token'), 'x');
    await consul({
      name: 'orders',
      port: 3000,
      url: 'http://localhost:8500',
      tokenFile: join(folder, 'token'),
      env: { CONSUL_HTTP_ADDR: 'ftp://nowhere', CONSUL_HTTP_TOKEN: 'y', EMPTY: undefined },
    }).close();
  });
});
