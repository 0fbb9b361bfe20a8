import { isLifecycleError } from '@prestop/core';
import { type NacosOptions, nacos, nacosSettleMs } from '@prestop/registry-adapters/nacos';
import { describe, expect, it } from 'vitest';
import { parseServerList } from '../src/nacos/server-list.ts';

const good: NacosOptions = { serverList: '10.0.0.5:8848', name: 'orders', port: 3000 };

function refusal(options: unknown): string {
  try {
    nacos(options as NacosOptions);
  } catch (error) {
    if (isLifecycleError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('options of nacos()', () => {
  it('has defaults for everything but servers, name and port', () => {
    const adapter = nacos(good);
    expect(adapter.name).toBe('nacos');
    expect(adapter.settleMs).toBe(nacosSettleMs.poll);
  });

  it.each([
    ['no server list', { serverList: undefined }, 'serverList'],
    ['an empty server list', { serverList: [] }, 'serverList'],
    ['a wrong scheme', { serverList: 'nacos://10.0.0.5:8848' }, 'serverList'],
    ['a path in an address', { serverList: 'http://10.0.0.5:8848/nacos' }, 'serverList'],
    ['a port out of range in an address', { serverList: '10.0.0.5:99999' }, 'serverList'],
    ['an address that is none', { serverList: 'http://' }, 'serverList'],
    ['http and https in one list', { serverList: 'http://a:1,https://b:1' }, 'serverList'],
    ['no name', { name: undefined }, 'name'],
    ['a name with a blank', { name: 'or ders' }, 'name'],
    ['a name with the group in it', { name: 'GROUP@@orders' }, 'name'],
    ['no port', { port: undefined }, 'port'],
    ['port 0', { port: 0 }, 'port'],
    ['a port out of range', { port: 65_536 }, 'port'],
    ['a port that is text', { port: '3000' }, 'port'],
    ['an address with a port', { ip: '10.0.0.5:80' }, 'ip'],
    ['a namespace that looks like a name', { namespaceId: 'my namespace' }, 'namespaceId'],
    ['a group with a slash', { group: 'a/b' }, 'group'],
    ['a cluster with an underscore, which the server refuses', { cluster: 'a_b' }, 'cluster'],
    ['a negative weight', { weight: -1 }, 'weight'],
    ['a weight that is too heavy', { weight: 10_001 }, 'weight'],
    ['metadata that is not text', { metadata: { version: 1 } }, 'metadata'],
    ['an API that does not exist', { api: 'v2' }, 'api'],
    ['heartbeats that are too rare', { heartbeatMs: 60_000 }, 'heartbeatMs'],
    ['a timeout that is text', { requestTimeoutMs: '500' }, 'requestTimeoutMs'],
    ['a settle time below 0', { settleMs: -1 }, 'settleMs'],
  ])('refuses %s', (_, change, option) => {
    const message = refusal({ ...good, ...change });
    expect(message).toContain('ERR_PRESTOP_OPTION_INVALID');
    expect(message).toContain(`"${option}"`);
  });

  it.each([
    ['a password without a user', { password: 's3cret' }, '"username"'],
    ['a user without a password', { username: 'svc' }, '"password"'],
    ['a secret key without an access key', { secretKey: 's3cret' }, '"accessKey"'],
    ['a security token without an access key', { securityToken: 's3cret' }, '"accessKey"'],
    ['two kinds of credentials', { username: 'svc', password: 's3cret', accessKey: 's3cret', secretKey: 's3cret' }, ''],
    [
      'heartbeats rarer than their timeout',
      { heartbeatMs: 3_000, metadata: { 'preserved.heart.beat.timeout': '3000' } },
      'preserved.heart.beat.timeout',
    ],
  ])('refuses %s', (_, change, words) => {
    const message = refusal({ ...good, ...change });
    expect(message).toContain('ERR_PRESTOP_OPTION_CONFLICT');
    expect(message).toContain(words);
    expect(message).not.toContain('s3cret');
  });

  it('says what an unknown option may have meant', () => {
    expect(refusal({ ...good, namespaceID: 'x' })).toContain('did you mean "namespaceId"');
  });

  it('shows no secret', () => {
    for (const change of [{ password: 7 }, { serverList: 'http://svc:s3cret@10.0.0.5' }, { secretKey: ['s3cret'] }]) {
      expect(refusal({ ...good, ...change })).not.toContain('s3cret');
    }
  });
});

describe('a server list', () => {
  it.each([
    ['10.0.0.5', ['http://10.0.0.5:8848']],
    ['10.0.0.5:80', ['http://10.0.0.5:80']],
    ['a, b:8849 ,a', ['http://a:8848', 'http://b:8849']],
    [
      ['http://a:80/', 'http://b'],
      ['http://a:80', 'http://b:8848'],
    ],
    ['https://nacos.example.com', ['https://nacos.example.com:443']],
    ['[2001:db8::1]:8848', ['http://[2001:db8::1]:8848']],
  ])('%j names %j', (given, origins) => {
    expect(parseServerList('nacos', given)).toEqual(origins);
  });
});
