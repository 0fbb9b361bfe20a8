import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../src/consul/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'prestop-consul-'));
afterAll(() => rmSync(folder, { recursive: true }));
const written = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const ORDERS = { name: 'orders', port: 3000 };
const from = (env: Record<string, string>, options: object = {}) => settingsOf({ ...ORDERS, ...options, env });

describe('where the agent is', () => {
  it.each<[string, Record<string, string>, string, string]>([
    ['nothing is set', {}, 'http://127.0.0.1:8500/v1', 'http://127.0.0.1:8500'],
    [
      'an address without a scheme',
      { CONSUL_HTTP_ADDR: '10.0.0.1:8500' },
      'http://10.0.0.1:8500/v1',
      'http://10.0.0.1:8500',
    ],
    [
      '… with TLS',
      { CONSUL_HTTP_ADDR: '10.0.0.1:8501', CONSUL_HTTP_SSL: '1' },
      'https://10.0.0.1:8501/v1',
      'https://10.0.0.1:8501',
    ],
    ['only TLS', { CONSUL_HTTP_SSL: 'true' }, 'https://127.0.0.1:8500/v1', 'https://127.0.0.1:8500'],
    ['a scheme wins', { CONSUL_HTTP_ADDR: 'http://a:1', CONSUL_HTTP_SSL: 'true' }, 'http://a:1/v1', 'http://a:1'],
    ['a path', { CONSUL_HTTP_ADDR: 'http://a:1/consul/' }, 'http://a:1/consul/v1', 'http://a:1/consul'],
    [
      'a user',
      { CONSUL_HTTP_ADDR: 'a:1', CONSUL_HTTP_AUTH: 'user:p:a/ss' },
      'http://user:p%3Aa%2Fss@a:1/v1',
      'http://a:1',
    ],
    [
      'empty is not set',
      { CONSUL_HTTP_ADDR: '', CONSUL_HTTP_SSL: '' },
      'http://127.0.0.1:8500/v1',
      'http://127.0.0.1:8500',
    ],
  ])('%s', (_what, env, baseUrl, shown) => {
    expect(from(env).address).toMatchObject({ baseUrl, shown, socketPath: undefined });
  });

  it('is a unix socket', () => {
    expect(from({ CONSUL_HTTP_ADDR: 'unix:///run/con%20sul.sock' }).address).toMatchObject({
      socketPath: '/run/con sul.sock',
      shown: 'unix:///run/con sul.sock',
    });
  });

  it('remembers the password for redaction', () => {
    expect(from({ CONSUL_HTTP_ADDR: 'a:1', CONSUL_HTTP_AUTH: 'user:p:a/ss' }).address.password).toBe('p:a/ss');
  });

  it("sends the environment's credentials to nobody but the environment's address", () => {
    const { address } = from({ CONSUL_HTTP_AUTH: 'user:pass' }, { url: 'http://elsewhere:8500' });
    expect(address.baseUrl).toBe('http://elsewhere:8500/v1');
  });
});

describe('who we are', () => {
  it.each<[Record<string, string>, object, object]>([
    [{}, {}, {}],
    [{ CONSUL_HTTP_TOKEN: 'a' }, {}, { token: 'a' }],
    [{ CONSUL_HTTP_TOKEN_FILE: '/f' }, {}, { tokenFile: '/f' }],
    [{ CONSUL_HTTP_TOKEN: 'a', CONSUL_HTTP_TOKEN_FILE: '/f' }, {}, { token: 'a' }],
    [{ CONSUL_HTTP_TOKEN: 'a' }, { token: 'b' }, { token: 'b' }],
    [{ CONSUL_HTTP_TOKEN: 'a' }, { tokenFile: '/f' }, { tokenFile: '/f' }],
    [{ CONSUL_HTTP_TOKEN_FILE: '/f' }, { token: 'b' }, { token: 'b' }],
  ])('%j and %j give %j', (env, options, expected) => {
    const { token, tokenFile } = from(env, options);
    expect({ token, tokenFile }).toEqual({ token: undefined, tokenFile: undefined, ...expected });
  });

  it('takes namespace and partition', () => {
    expect(from({ CONSUL_NAMESPACE: 'a', CONSUL_PARTITION: 'b' })).toMatchObject({ namespace: 'a', partition: 'b' });
    expect(from({ CONSUL_NAMESPACE: 'a' }, { namespace: 'c' })).toMatchObject({ namespace: 'c' });
  });
});

describe('whom we trust', () => {
  it('reads the files that are named', () => {
    const env = {
      CONSUL_CACERT: written('ca.pem', 'authority'),
      CONSUL_CLIENT_CERT: written('cert.pem', 'certificate'),
      CONSUL_CLIENT_KEY: written('key.pem', 'key'),
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
      CONSUL_HTTP_SSL_VERIFY: 'false',
    };
    expect(from(env).tls).toEqual({
      ca: 'authority',
      cert: 'certificate',
      key: 'key',
      servername: 'server.dc1.consul',
      rejectUnauthorized: false,
    });
    expect(from(env, { tls: { servername: 'mine' } }).tls).toEqual({ servername: 'mine' });
  });

  it('reads a folder of authorities', () => {
    const authorities = mkdtempSync(join(folder, 'authorities-'));
    writeFileSync(join(authorities, 'a.pem'), 'a');
    writeFileSync(join(authorities, 'b.pem'), 'b');
    expect(from({ CONSUL_CAPATH: authorities }).tls).toEqual({ ca: ['a', 'b'] });
  });
});
