/** A real Nacos that wants to know who asks. */
import { inspect } from 'node:util';
import { isRegistryError } from '@prestop/core';
import { nacos } from '@prestop/registry-adapters/nacos';
import { resolveNacos, startNacos } from '@prestop/testkit/servers';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { conformance } from './conformance.ts';
import { eventually } from './eventually.ts';
import { startService } from './lifecycle-service.ts';
import { startProxy } from './nacos/proxy.ts';
import { call, describeWithServer, hostsOf, mustBeOwn } from './nacos/support.ts';

const found = mustBeOwn(await resolveNacos());
const server =
  found.available && 'classpath' in found
    ? await startNacos({
        classpath: found.classpath,
        auth: 'on',
        // As the vendor's own distribution is configured: errors come with their words.
        properties: { 'server.error.include-message': 'always' },
      })
    : undefined;
afterAll(() => server?.stop());

const addr = server?.addr ?? 'http://127.0.0.1:0';
const username = server?.username ?? '';
const password = server?.password ?? '';
const WRONG = 'wr0ng pass&word';

async function tokenOf(): Promise<Readonly<Record<string, string>>> {
  const body = new URLSearchParams({ username, password });
  const response = await fetch(`${addr}/nacos/v1/auth/users/login`, { method: 'POST', body });
  const { accessToken } = (await response.json()) as { accessToken: string };
  return { accessToken };
}

describeWithServer(found, import.meta.url)('Nacos with auth', () => {
  let token: Readonly<Record<string, string>> | undefined;
  conformance(
    'nacos with auth',
    (id) => {
      const options = { serverList: addr, username, name: id, ip: '10.1.2.3', port: 3000, heartbeatMs: 50 };
      return {
        create: () => nacos({ ...options, password }),
        observe: async () => {
          token ??= await tokenOf();
          return (await hostsOf(addr, { service: id }, token)).length > 0;
        },
        child: {
          module: '@prestop/registry-adapters/nacos',
          factory: 'nacos',
          options: { ...options, password },
        },
        refused: () => ({ adapter: nacos({ ...options, password: WRONG }), secrets: [WRONG] }),
      };
    },
    { rounds: 5 },
  );

  describe('and what it refuses', () => {
    const cleanUp: (() => unknown)[] = [];
    afterEach(async () => {
      for (const clean of cleanUp.splice(0).reverse()) await clean();
    });

    const options = { serverList: addr, name: 'refused', ip: '10.1.2.3', port: 3000 };

    it('says that credentials are wanted', async () => {
      const adapter = nacos(options);
      cleanUp.push(() => adapter.close());
      for (const method of ['register', 'deregister', 'check'] as const) {
        const error: unknown = await adapter[method](call()).catch((thrown: unknown) => thrown);
        expect(isRegistryError(error) && error.kind, inspect(error)).toBe('auth');
        expect((error as Error).message).toMatch(/answered 403; check "username" and "password".*user not found/);
      }
    });

    it.each([
      ['a wrong password', username],
      ['a user who does not exist', 'nobody'],
    ])('says that the login failed with %s', async (_, user) => {
      const adapter = nacos({ ...options, username: user, password: WRONG });
      cleanUp.push(() => adapter.close());
      for (const method of ['register', 'deregister', 'check'] as const) {
        const error: unknown = await adapter[method](call()).catch((thrown: unknown) => thrown);
        // The vendor's console module makes 403 of it; the modules that this server is made of answer 500.
        expect(isRegistryError(error) && error.status, inspect(error)).toBeOneOf([403, 500]);
        expect((error as Error).message).toContain(`login of "${user}" at ${addr}`);
        expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(WRONG);
      }
    });

    it('leaves a service whose user may not write unready, serving and terminating in time', async () => {
      await server?.addUser('reader', 'reader-s3cret');
      const login = async (): Promise<boolean> => {
        const body = new URLSearchParams({ username: 'reader', password: 'reader-s3cret' });
        return (await fetch(`${addr}/nacos/v1/auth/users/login`, { method: 'POST', body })).ok;
      };
      // The server reads its users every 15 s.
      await eventually(login, true, 30_000);
      const adapter = nacos({ ...options, username: 'reader', password: 'reader-s3cret' });
      const service = await startService(adapter, 8, 1_500);
      cleanUp.push(
        () => adapter.close(),
        () => service.stop(),
      );
      const refusal = new Promise<Error>((resolve) => {
        service.lifecycle.on('registrationFailed', ({ error }) => resolve(error));
      });
      expect((await refusal).message).toContain('authorization failed!');
      expect((await fetch(service.origin)).status).toBe(200);
      expect(service.lifecycle.phase).toBe('starting');
      const { report, ms } = await service.terminate();
      expect(ms).toBeLessThan(8_000);
      const [registry] = report.registries;
      expect(registry).toMatchObject({ outcome: 'failed', answer: null });
      expect(registry?.error).toContain('authorization failed!');
      expect(JSON.stringify(report)).not.toContain('s3cret');
    });

    it('never sees a secret in a URL', async () => {
      const proxy = await startProxy(addr);
      const adapter = nacos({ ...options, serverList: proxy.addr, username, password, heartbeatMs: 50 });
      cleanUp.push(
        () => proxy.close(),
        () => adapter.close(),
      );
      await adapter.register(call());
      await proxy.asked('PUT /nacos/v1/ns/instance/beat', 2);
      await adapter.deregister(call());
      await adapter.check(call());
      const urls = proxy.seen.map(({ url }) => decodeURIComponent(url)).join('\n');
      expect(urls).not.toContain(password);
      expect(urls).not.toMatch(/password|accessToken|username/i);
    });
  });
});
