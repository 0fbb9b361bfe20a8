import { createHmac } from 'node:crypto';
import { type NacosOptions, nacos } from '@prestop/registry-adapters/nacos';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Answering, type Fixture, startFixture } from './nacos/fixture.ts';
import { notFound, serverV1, V1 } from './nacos/server-v1.ts';
import { serverV3, V3 } from './nacos/server-v3.ts';
import { call } from './nacos/support.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function start(answer: Answering): Promise<Fixture> {
  const fixture = await startFixture(answer);
  cleanUp.push(() => fixture.close());
  return fixture;
}

/** Registers, lets one heartbeat pass, checks, deregisters, and closes. */
async function oneLife(options: NacosOptions, fixture: Fixture, beat: string, beats: number): Promise<void> {
  const adapter = nacos({ heartbeatMs: 50, ...options });
  cleanUp.push(() => adapter.close());
  await adapter.register(call());
  await fixture.asked(beat, beats);
  expect(await adapter.check(call())).toBe('visible');
  expect(await adapter.deregister(call())).toBe('removed');
  expect(await adapter.check(call())).toBe('gone');
}

const instance = {
  name: 'orders',
  ip: '10.1.2.3',
  port: 3000,
  namespaceId: 'ns-1',
  group: 'shop',
  cluster: 'zone-b',
  weight: 0,
  metadata: { version: '7&8' },
};

const PASSWORD = 'pass word&s3cret';

/** `server` behind a login: without the token it gives out, 403. */
function withLogin(server: Answering, tokens: readonly string[]): Answering {
  let logins = 0;
  return (seen) => {
    if (`${seen.method} ${seen.path}` === V1.login) {
      if (seen.form['username'] !== 'svc' || seen.form['password'] !== PASSWORD) return { status: 403 };
      return { body: { accessToken: tokens[logins++], tokenTtl: 18_000, globalAdmin: false, username: 'svc' } };
    }
    const token = seen.headers['accesstoken'] ?? seen.headers.authorization?.replace('Bearer ', '');
    return token === tokens[Math.max(0, logins - 1)]
      ? server(seen)
      : { status: 403, body: { message: 'token invalid!' } };
  };
}

describe('v1 on the wire', () => {
  it('carries the whole instance, a weight of 0 included', async () => {
    const fixture = await start(serverV1());
    await oneLife({ ...instance, serverList: fixture.addr }, fixture, V1.beat, 1);
    expect(fixture.of(V1.register)[0]?.query).toEqual({
      namespaceId: 'ns-1',
      serviceName: 'shop@@orders',
      groupName: 'shop',
      clusterName: 'zone-b',
      ip: '10.1.2.3',
      port: '3000',
      weight: '0',
      enable: 'true',
      healthy: 'true',
      ephemeral: 'true',
      metadata: '{"version":"7&8"}',
    });
    expect(fixture.of(V1.deregister)[0]?.query).toEqual({
      namespaceId: 'ns-1',
      serviceName: 'shop@@orders',
      clusterName: 'zone-b',
      ip: '10.1.2.3',
      port: '3000',
      ephemeral: 'true',
    });
    expect(fixture.of(V1.list)[0]?.query).toMatchObject({ namespaceId: 'ns-1', serviceName: 'shop@@orders' });
  });

  it('buys one token with the password, and puts neither into a URL', async () => {
    const fixture = await start(withLogin(serverV1(), ['t0ken']));
    await oneLife({ ...instance, serverList: fixture.addr, username: 'svc', password: PASSWORD }, fixture, V1.beat, 1);
    expect(fixture.of(V1.login)).toHaveLength(1);
    expect(fixture.of(V1.register)[0]?.headers.authorization).toBe('Bearer t0ken');
    for (const { url } of fixture.seen) expect(decodeURIComponent(url)).not.toMatch(/s3cret|t0ken|svc/);
  });

  it('logs in again when the server no longer takes its token', async () => {
    let forgotten = false;
    const login = withLogin(serverV1(), ['first', 'second']);
    const fixture = await start((seen) => {
      if (`${seen.method} ${seen.path}` === V1.deregister && !forgotten) {
        forgotten = true;
        return { status: 403, body: { message: 'token expired!' } };
      }
      return login(seen);
    });
    // Without heartbeats, which would log in again on their own.
    const adapter = nacos({
      ...instance,
      serverList: fixture.addr,
      username: 'svc',
      password: PASSWORD,
      ephemeral: false,
    });
    cleanUp.push(() => adapter.close());
    await adapter.register(call());
    await adapter.deregister(call());
    expect(fixture.of(V1.login)).toHaveLength(2);
    expect(fixture.of(V1.deregister).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ]);
  });

  it('is signed with the secret key, which is never sent', async () => {
    const fixture = await start(serverV1());
    const keys = { accessKey: 'AK1', secretKey: 's3cret', securityToken: 'sts' };
    await oneLife({ ...instance, ...keys, serverList: fixture.addr }, fixture, V1.beat, 1);
    for (const { query, url } of fixture.seen) {
      expect(query['ak']).toBe('AK1');
      expect(query['Spas-SecurityToken']).toBe('sts');
      expect(query['data']).toMatch(/^\d+@@shop@@orders$/);
      expect(query['signature']).toBe(
        createHmac('sha1', 's3cret')
          .update(query['data'] ?? '')
          .digest('base64'),
      );
      expect(url).not.toContain('s3cret');
    }
  });

  it('takes no keys from the environment', async () => {
    vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_ID', 'from-env');
    vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'from-env');
    const fixture = await start(serverV1());
    await oneLife({ ...instance, serverList: fixture.addr }, fixture, V1.beat, 1);
    expect(fixture.seen.filter(({ query }) => 'ak' in query)).toEqual([]);
  });
});

describe('v3 on the wire', () => {
  it('carries the whole instance as the manual says', async () => {
    const fixture = await start(serverV3());
    await oneLife({ ...instance, serverList: fixture.addr, api: 'v3' }, fixture, V3.announce, 2);
    const identity = {
      namespaceId: 'ns-1',
      groupName: 'shop',
      serviceName: 'orders',
      clusterName: 'zone-b',
      ip: '10.1.2.3',
      port: '3000',
      ephemeral: 'true',
    };
    const [registered, renewed] = fixture.of(V3.announce);
    expect(registered?.headers['content-type']).toContain('application/x-www-form-urlencoded');
    expect(registered?.form).toEqual({
      ...identity,
      weight: '0',
      enabled: 'true',
      healthy: 'true',
      metadata: '{"version":"7&8"}',
      heartBeat: 'false',
    });
    expect(renewed?.form).toEqual({ ...identity, heartBeat: 'true' });
    expect(fixture.of(V3.deregister)[0]?.query).toEqual(identity);
    expect(fixture.of(V3.list)[0]?.query).toEqual({ namespaceId: 'ns-1', groupName: 'shop', serviceName: 'orders' });
  });

  it('sends the token in a header of its own', async () => {
    const fixture = await start(withLogin(serverV3(), ['t0ken']));
    const options = { ...instance, serverList: fixture.addr, username: 'svc', password: PASSWORD };
    await oneLife({ ...options, api: 'v3' }, fixture, V3.announce, 2);
    expect(fixture.of(V3.announce)[0]?.headers['accesstoken']).toBe('t0ken');
    for (const { url } of fixture.seen) expect(decodeURIComponent(url)).not.toMatch(/s3cret|t0ken|svc/);
  });

  it('finds the login where a server has it only under v3', async () => {
    const server = withLogin(serverV3(), ['t0ken']);
    const fixture = await start((seen) => {
      if (`${seen.method} ${seen.path}` === V1.login) return notFound(seen);
      if (seen.path === '/nacos/v3/auth/user/login') return server({ ...seen, path: '/nacos/v1/auth/users/login' });
      return server(seen);
    });
    const options = { ...instance, serverList: fixture.addr, username: 'svc', password: PASSWORD };
    await oneLife({ ...options, api: 'v3' }, fixture, V3.announce, 2);
  });

  it('is signed with the secret key', async () => {
    const fixture = await start(serverV3());
    const keys = { accessKey: 'AK1', secretKey: 's3cret' };
    await oneLife({ ...instance, ...keys, serverList: fixture.addr, api: 'v3' }, fixture, V3.announce, 2);
    for (const { query, form } of fixture.seen) {
      const { ak, data, signature } = { ...query, ...form };
      expect(ak).toBe('AK1');
      expect(signature).toBe(
        createHmac('sha1', 's3cret')
          .update(data ?? '')
          .digest('base64'),
      );
    }
  });
});

describe('the API generation', () => {
  const options = { ...instance, api: 'auto' } as const;

  it('is v1 where there is a v1 API, which is asked for once', async () => {
    const fixture = await start(serverV1());
    await oneLife({ ...options, serverList: fixture.addr }, fixture, V1.beat, 1);
    expect(fixture.seen.filter(({ path }) => path.includes('/v3/'))).toEqual([]);
    expect(`${fixture.seen[0]?.method} ${fixture.seen[0]?.path}`).toBe(V1.list);
  });

  it('is v3 where v1 is not there', async () => {
    const fixture = await start(serverV3());
    await oneLife({ ...options, serverList: fixture.addr }, fixture, V3.announce, 2);
    expect(fixture.seen.filter(({ path }) => path.includes('/v1/'))).toHaveLength(1);
  });

  it.each([410, 501])('is v3 where v1 is switched off (%i)', async (status) => {
    const server = serverV3();
    const fixture = await start((seen) => (seen.path.includes('/v1/') ? { status } : server(seen)));
    await oneLife({ ...options, serverList: fixture.addr }, fixture, V3.announce, 2);
  });

  it('is looked at again when the server was upgraded under the process', async () => {
    const [old, upgraded] = [serverV1(), serverV3()];
    let server = old;
    const fixture = await start((seen) => server(seen));
    const adapter = nacos({ ...options, serverList: fixture.addr, heartbeatMs: 50 });
    cleanUp.push(() => adapter.close());
    await adapter.register(call());
    server = upgraded;
    // The heartbeat meets 404, finds v3, hears that nobody knows the instance, and registers it there.
    await fixture.asked(V3.announce, 3);
    expect(await adapter.check(call())).toBe('visible');
    expect(await adapter.deregister(call())).toBe('removed');
    expect(await adapter.check(call())).toBe('gone');
  });

  it('may differ between the servers of one list while they are being upgraded', async () => {
    const [one, other] = [await start(serverV1()), await start(serverV3())];
    const adapter = nacos({ ...options, serverList: [one.addr, other.addr], heartbeatMs: 50 });
    cleanUp.push(() => adapter.close());
    await adapter.register(call());
    expect(await adapter.check(call())).toBe('visible');
    expect(await adapter.deregister(call())).toBe('removed');
    expect(await adapter.check(call())).toBe('gone');
  });

  it('is nothing but an error where there is neither', async () => {
    const fixture = await start(notFound);
    const adapter = nacos({ ...options, serverList: fixture.addr });
    cleanUp.push(() => adapter.close());
    await expect(adapter.register(call())).rejects.toMatchObject({ kind: 'unsupported', status: 404 });
    await expect(adapter.register(call())).rejects.toThrow('neither the v1 nor the v3 API');
  });
});
