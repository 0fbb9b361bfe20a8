import { nacos } from '@prestop/registry-adapters/nacos';
import { openNacos } from '@prestop/testkit/servers';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { conformance } from './conformance.ts';
import { eventually, stays } from './eventually.ts';
import { call, describeWithServer, hostsOf } from './nacos/support.ts';

const server = await openNacos();
const addr = server.available ? server.addr : 'http://127.0.0.1:0';
afterAll(async () => {
  if (server.available) await server.stop();
});

const INSTANCE = { ip: '10.1.2.3', port: 3000 };

describeWithServer(server, import.meta.url)('Nacos', () => {
  conformance(
    'nacos',
    (id) => {
      const options = { serverList: addr, name: id, ...INSTANCE, heartbeatMs: 50 };
      return {
        create: () => nacos(options),
        observe: async () =>
          (await hostsOf(addr, { service: id })).some(({ ip, port }) => ip === INSTANCE.ip && port === INSTANCE.port),
        child: { module: '@prestop/registry-adapters/nacos', factory: 'nacos', options },
      };
    },
    { rounds: 50 },
  );

  describe('what reaches it', () => {
    const cleanUp: (() => unknown)[] = [];
    afterEach(async () => {
      for (const clean of cleanUp.splice(0).reverse()) await clean();
    });
    const start = (options: Partial<Parameters<typeof nacos>[0]> & { readonly name: string }) => {
      const adapter = nacos({ serverList: addr, ...INSTANCE, ...options });
      cleanUp.push(async () => {
        await adapter.deregister(call()).catch(() => undefined);
        await adapter.close();
      });
      return adapter;
    };

    it('is the whole instance, a weight of 0 included', async () => {
      const place = { service: `whole-${process.pid}`, group: 'shop', namespaceId: 'ns-1' };
      const metadata = { version: '7&8', 'preserved.heart.beat.timeout': '9000' };
      const rest = { group: 'shop', namespaceId: 'ns-1', cluster: 'zone-b', weight: 0, metadata };
      const adapter = start({ name: place.service, ...rest });
      await adapter.register(call());
      await eventually(async () => (await hostsOf(addr, place)).length, 1, 5_000);
      expect((await hostsOf(addr, place))[0]).toMatchObject({
        ...INSTANCE,
        clusterName: 'zone-b',
        weight: 0,
        ephemeral: true,
        metadata,
      });
      await eventually(() => adapter.check(call()), 'visible', 5_000);
      expect(await adapter.deregister(call())).toBe('removed');
      await eventually(() => adapter.check(call()), 'gone', 5_000);
      expect(await hostsOf(addr, place)).toEqual([]);
    });

    it('may be a persistent instance, which no heartbeat keeps', async () => {
      const service = `persistent-${process.pid}`;
      const adapter = start({ name: service, ephemeral: false });
      await adapter.register(call());
      await eventually(async () => (await hostsOf(addr, { service }))[0]?.ephemeral, false, 5_000);
      expect(await adapter.deregister(call())).toBe('removed');
      await eventually(() => adapter.check(call()), 'gone', 5_000);
    });

    it('must be of one kind in one service', async () => {
      const name = `mixed-${process.pid}`;
      await start({ name }).register(call());
      const odd = start({ name, port: 3001, ephemeral: false });
      await expect(odd.register(call())).rejects.toMatchObject({ kind: 'invalid', status: 400 });
      await expect(odd.register(call())).rejects.toThrow("can't register persistent instance");
    });

    it('comes back with the full heartbeat of the npm client and not with ours', async ({ skip }) => {
      const service = `beats-${process.pid}`;
      const isListed = async (): Promise<boolean> => (await hostsOf(addr, { service })).length > 0;
      const beat = async (params: Readonly<Record<string, string>>): Promise<Response> => {
        const query = new URLSearchParams({
          serviceName: `DEFAULT_GROUP@@${service}`,
          namespaceId: 'public',
          ...params,
        });
        return fetch(`${addr}/nacos/v1/ns/instance/beat?${query.toString()}`, { method: 'PUT' });
      };
      const light = await beat({ ip: INSTANCE.ip, port: String(INSTANCE.port), clusterName: 'DEFAULT' });
      if (light.status === 404) return skip('this server has no v1 API');
      expect(await light.json()).toMatchObject({ code: 20_404, lightBeatEnabled: true });
      await stays(isListed, false, 1_000);

      const cluster = 'DEFAULT';
      await beat({ beat: JSON.stringify({ ...INSTANCE, cluster, weight: 1, metadata: {}, scheduled: true }) });
      await eventually(isListed, true, 5_000);
      await start({ name: service }).deregister(call());
    });
  });
});
