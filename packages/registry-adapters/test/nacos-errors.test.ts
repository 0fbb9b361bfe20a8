import { inspect } from 'node:util';
import { isRegistryError, type RegistryError } from '@prestop/core';
import { type NacosOptions, nacos } from '@prestop/registry-adapters/nacos';
import { freePort, selfSignedCertificate } from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { Failures } from '../src/nacos/failures.ts';
import { loadNpmClient } from '../src/nacos/npm-package.ts';
import { type Answering, type Fixture, gate, startFixture } from './nacos/fixture.ts';
import { serverV1, V1 } from './nacos/server-v1.ts';
import { serverV3, V3 } from './nacos/server-v3.ts';
import { call } from './nacos/support.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function start(answer: Answering, tls?: { key: string; cert: string }): Promise<Fixture> {
  const fixture = await startFixture(answer, tls);
  cleanUp.push(() => fixture.close());
  return fixture;
}

function adapterFor(serverList: string | readonly string[], options: Partial<NacosOptions> = {}) {
  const adapter = nacos({ serverList, name: 'orders', ip: '10.1.2.3', port: 3000, ...options });
  cleanUp.push(() => adapter.close());
  return adapter;
}

async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  const outcome = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (isRegistryError(outcome)) return outcome;
  throw new Error(`expected a RegistryError, got ${inspect(outcome)}`);
}

describe('what a server answers', () => {
  it.each([
    [400, "Param 'ip' is illegal", 'invalid', "Param 'ip' is illegal"],
    [401, '', 'auth', '"username" and "password"'],
    [403, '{"message":"authorization failed!"}', 'auth', 'authorization failed!'],
    [404, '', 'unsupported', "api: 'auto' or 'v3'"],
    [410, '', 'unsupported', 'nacos.core.api.compatibility.client.enabled=true'],
    [501, '', 'unsupported', "api: 'auto' or 'v3'"],
    [429, '', 'throttled', 'limits requests'],
    [503, 'Tps Flow restricted: tps over limit', 'throttled', 'limits requests'],
    [503, 'server is STARTING now, please try again later!', 'unavailable', 'server is STARTING'],
    [500, '{"status":500,"message":"No leader"}', 'unavailable', 'No leader'],
    [302, '', 'invalid', 'answered 302'],
  ] as const)('%i %s is of kind %s', async (status, body, kind, words) => {
    const fixture = await start(() => ({ status, body }));
    const adapter = adapterFor(fixture.addr, { api: 'v1' });
    for (const method of ['register', 'deregister', 'check'] as const) {
      const error = await failure(adapter[method](call()));
      expect(error).toMatchObject({ kind, status, registry: 'nacos' });
      expect(error.message).toContain(fixture.addr);
      expect(error.message).toContain(words);
    }
  });

  it.each([
    [10_001, 'auth'],
    [20_002, 'invalid'],
    [30_000, 'unavailable'],
  ] as const)('v3 code %i is of kind %s', async (code, kind) => {
    const fixture = await start(() => ({ body: { code, message: 'why', data: 'so' } }));
    const error = await failure(adapterFor(fixture.addr, { api: 'v3' }).register(call()));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`code ${code}`);
    expect(error.message).toContain('why: so');
  });

  it.each(['<html>welcome</html>', '{}', '[]', ''])('200 with %j is not from Nacos', async (body) => {
    const fixture = await start(() => ({ body }));
    for (const api of ['auto', 'v1', 'v3'] as const) {
      const error = await failure(adapterFor(fixture.addr, { api }).check(call()));
      expect(error).toMatchObject({ kind: 'invalid', status: 200 });
      expect(error.message).toContain('not from Nacos');
    }
  });

  it.each([
    [403, 'User not found!'],
    [500, '{"message":"User nacos not found"}'],
  ])('a login that is refused with %i is of kind auth', async (status, body) => {
    const fixture = await start(() => ({ status, body }));
    const error = await failure(adapterFor(fixture.addr, { username: 'svc', password: 's3cret' }).register(call()));
    expect(error).toMatchObject({ kind: 'auth', status });
    expect(error.message).toContain('login of "svc"');
  });

  it('a login that is not there is of kind unsupported', async () => {
    const fixture = await start(() => ({ status: 404 }));
    const adapter = adapterFor(fixture.addr, { username: 'svc', password: 's3cret' });
    expect((await failure(adapter.register(call()))).kind).toBe('unsupported');
  });
});

describe('no answer', () => {
  it('from a port where nothing listens', async () => {
    const port = await freePort();
    const error = await failure(adapterFor(`127.0.0.1:${port}`).register(call()));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain(`at http://127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(error.message).toContain('is the server up and the port right?');
  });

  it('from a host that does not exist', async () => {
    const error = await failure(adapterFor('nacos.invalid').register(call()));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('http://nacos.invalid:8848');
  });

  it('in time', async () => {
    const { opened, open } = gate();
    const fixture = await start(async () => {
      await opened;
      return {};
    });
    const error = await failure(adapterFor(fixture.addr, { requestTimeoutMs: 50 }).register(call()));
    expect(error.kind).toBe('timeout');
    expect(error.message).toContain('no answer within 50 ms');
    open();
  });

  it('over http from a server with TLS', async () => {
    const fixture = await start(serverV1(), selfSignedCertificate());
    const error = await failure(adapterFor(fixture.addr.replace('https', 'http')).register(call()));
    expect(error.message).toContain('needs https:// in "serverList"');
  });

  it('over https from a server without TLS', async () => {
    const fixture = await start(serverV1());
    const error = await failure(adapterFor(fixture.addr.replace('http', 'https')).register(call()));
    expect(error.kind).toBe('invalid');
    expect(error.message).toContain('needs http:// in "serverList"');
  });

  it('from a server whose certificate nobody vouches for', async () => {
    const fixture = await start(serverV1(), selfSignedCertificate());
    const error = await failure(adapterFor(fixture.addr).register(call()));
    expect(error.kind).toBe('invalid');
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('from a closed adapter', async () => {
    const fixture = await start(serverV1());
    const adapter = adapterFor(fixture.addr);
    await adapter.close();
    for (const method of ['register', 'deregister', 'check'] as const) {
      expect((await failure((async () => adapter[method](call()))())).message).toContain('the adapter is closed');
    }
    expect(fixture.seen).toHaveLength(0);
  });
});

describe('several servers', () => {
  it('are tried one after the other, and the next time the good one first', async () => {
    const [bad, good] = [await start(() => ({ status: 500 })), await start(serverV1())];
    const adapter = adapterFor([bad.addr, good.addr]);
    await adapter.register(call());
    const before = bad.seen.length;
    await adapter.register(call());
    expect(bad.seen).toHaveLength(before);
    expect(good.of(V1.register)).toHaveLength(2);
  });

  it('that all fail are all named, and the one that answered gives the kind', async () => {
    const port = await freePort();
    const refusing = await start(() => ({ status: 403 }));
    const error = await failure(adapterFor([`127.0.0.1:${port}`, refusing.addr]).register(call()));
    expect(error).toMatchObject({ kind: 'auth', status: 403 });
    expect(error.message).toContain('failed on all 2 servers');
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.message).toContain(refusing.addr);
  });

  it('do not make a removal wait for the one that hangs', async () => {
    const server = serverV1();
    const { opened, open } = gate();
    let hangs = false;
    const first = await start(async (seen) => {
      if (hangs) await opened;
      return server(seen);
    });
    const second = await start(server);
    const adapter = adapterFor([first.addr, second.addr]);
    await adapter.register(call());
    hangs = true;
    expect(await adapter.deregister(call())).toBe('removed');
    expect(second.of(V1.deregister)).toHaveLength(1);
    open();
  });
});

describe('secrets', () => {
  const secrets = { password: 'pa$$ word&1', token: 't0ken+/=' };

  it.each(['auto', 'v1', 'v3'] as const)('stay out of errors when a server repeats them, %s', async (api) => {
    const echo = `bad request: password=${secrets.password} ${encodeURIComponent(secrets.password)} accessToken=${secrets.token} {"accessToken":"${secrets.token}"}`;
    const fixture = await start((seen) =>
      `${seen.method} ${seen.path}` === V1.login
        ? { body: { accessToken: secrets.token, tokenTtl: 18_000 } }
        : { status: 400, body: echo },
    );
    const adapter = adapterFor(fixture.addr, { api, username: 'svc', password: secrets.password });
    for (const method of ['register', 'deregister', 'check'] as const) {
      const error = await failure(adapter[method](call()));
      const everything = `${inspect(error, { depth: 20, showHidden: true })}\n${JSON.stringify(error)}\n${error.body}`;
      for (const secret of Object.values(secrets)) {
        expect(everything).not.toContain(secret);
        expect(everything).not.toContain(encodeURIComponent(secret));
      }
      expect(everything).toContain('[redacted]');
    }
  });
});

describe('the npm package', () => {
  const failures = new Failures('nacos', (text) => text);

  it('is named, with the command that installs it, when it is not there', () => {
    const load = (id: string): never => {
      throw Object.assign(new Error(`Cannot find module '${id}'`), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => loadNpmClient(failures, load)).toThrow(/"nacos".*is not installed: npm install nacos@\^2\.6\.3/);
  });

  it('must be version 2', () => {
    expect(() => loadNpmClient(failures, () => ({ version: '3.0.0' }))).toThrow(/version 2 .* 3\.0\.0 is installed/);
  });

  it('is not needed for v3', async () => {
    const fixture = await start(serverV3());
    await adapterFor(fixture.addr, { api: 'v3' }).register(call());
    expect(fixture.of(V3.announce)).toHaveLength(1);
  });
});
