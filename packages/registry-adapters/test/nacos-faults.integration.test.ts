/** What can go wrong between a service and a real Nacos while the service starts and terminates. */
import { type NacosOptions, nacos } from '@prestop/registry-adapters/nacos';
import { type NacosServer, resolveNacos, startNacos } from '@prestop/testkit/servers';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually, pause, stays } from './eventually.ts';
import { expectNeverSeenAgain, expectServed, type Service, startService } from './lifecycle-service.ts';
import { startProxy } from './nacos/proxy.ts';
import { V1 } from './nacos/server-v1.ts';
import { call, describeWithServer, hostsOf, mustBeOwn } from './nacos/support.ts';

const found = mustBeOwn(await resolveNacos());

/** Grace periods of the services here, in seconds; a lifecycle ends some hundred milliseconds before. */
const GRACE_S = 8;
const LONG_GRACE_S = 120;
/** A busy machine takes its time to start a server. */
const SLOW = { timeout: 120_000 };

describeWithServer(found, import.meta.url)('a service with Nacos', () => {
  let server: NacosServer;
  let addr: string;
  const cleanUp: (() => unknown)[] = [];
  let services = 0;

  beforeAll(async () => {
    if (!found.available || !('classpath' in found)) return;
    server = await startNacos({ classpath: found.classpath });
    ({ addr } = server);
  }, 120_000);
  afterAll(() => server?.stop());
  afterEach(async () => {
    for (const clean of cleanUp.splice(0).reverse()) await clean();
  });

  async function start(
    graceS: number,
    options: Partial<NacosOptions> = {},
  ): Promise<{ service: Service; name: string; isListed: () => Promise<boolean> }> {
    services += 1;
    const name = `fault-${process.pid}-${services}`;
    const adapter = nacos({
      serverList: addr,
      name,
      ip: '10.1.2.3',
      port: 3000,
      heartbeatMs: 50,
      onHeartbeatError: () => undefined,
      ...options,
    });
    const service = await startService(adapter, graceS, graceS === GRACE_S ? 1_500 : 60_000);
    cleanUp.push(
      () => adapter.close(),
      () => service.stop(),
    );
    return { service, name, isListed: async () => (await hostsOf(addr, { service: name })).length > 0 };
  }

  async function ready(service: Service): Promise<void> {
    await service.lifecycle.start();
    expect(service.lifecycle.phase).toBe('ready');
  }

  it('is never seen again once its removal was confirmed, with heartbeats at their fastest', async () => {
    for (let round = 0; round < 5; round++) {
      const { service, isListed } = await start(GRACE_S);
      await ready(service);
      await expectNeverSeenAgain(service, isListed, GRACE_S);
    }
  });

  it('starts while the server is down, serves, and is listed when the server is up', SLOW, async () => {
    await server.down();
    const { service, isListed } = await start(GRACE_S);
    expect((await fetch(service.origin)).status).toBe(200);
    expect(service.lifecycle.phase).toBe('starting');
    await server.up();
    await ready(service);
    expect(await isListed()).toBe(true);
    expectServed(await service.terminate(), GRACE_S);
    expect(await isListed()).toBe(false);
  });

  it('terminates in time when the server went down before it', SLOW, async () => {
    const { service, isListed } = await start(GRACE_S);
    await ready(service);
    await server.down('kill');
    const terminated = await service.terminate();
    expectServed(terminated, GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'failed', answer: null, removedAtMs: null });
    expect(registry?.attempts).toBeGreaterThan(2);
    expect(registry?.error).toContain(`deregister at ${addr}: connect ECONNREFUSED`);
    await server.up();
    await stays(isListed, false, 1_000);
  });

  it('is removed when the server is restarted while it terminates', SLOW, async () => {
    const { service, isListed } = await start(LONG_GRACE_S);
    await ready(service);
    await server.down();
    const up = server.up();
    const terminated = await service.terminate();
    await up;
    expectServed(terminated, LONG_GRACE_S);
    // The restart has taken it away before the removal could.
    expect(terminated.report.registries[0]).toMatchObject({ outcome: 'confirmed', answer: 'absent', reappeared: 0 });
    await stays(isListed, false, 1_000);
  });

  it('is removed when the server hangs at first', async () => {
    const { service, isListed } = await start(LONG_GRACE_S);
    await ready(service);
    await server.pause();
    const resumed = pause(3_000).then(() => server.resume());
    const terminated = await service.terminate();
    await resumed;
    expectServed(terminated, LONG_GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'confirmed', reappeared: 0 });
    expect(registry?.confirmedAtMs).toBeGreaterThan(3_000);
    // The adapter's own limit, or core's: with a heartbeat on the wire that is awaited first, core's comes sooner.
    expect(registry?.error).toMatch(/no answer within|did not answer within|given up/);
    // What hung with the server has been read by now: removals and heartbeats of before.
    await stays(isListed, false, 2_000);
  });

  it('terminates in time when the server hangs to the end', async () => {
    const { service, isListed } = await start(GRACE_S);
    await ready(service);
    await server.pause();
    const terminated = await service.terminate();
    await server.resume();
    expectServed(terminated, GRACE_S);
    expect(terminated.report.registries[0]).toMatchObject({ outcome: 'failed', answer: null });
    // The removals that the server had not read are still in its queue.
    await eventually(isListed, false, 5_000);
    await stays(isListed, false, 1_000);
  });

  it('registers again what a restarted server has lost', SLOW, async () => {
    const { service, isListed } = await start(GRACE_S);
    await ready(service);
    await server.restart();
    await eventually(isListed, true, 20_000);
    expectServed(await service.terminate(), GRACE_S);
    await stays(isListed, false, 500);
  });

  it.each([
    [429, 'throttled'],
    [500, 'unavailable'],
  ])('asks again when a removal is answered with %i', async (status) => {
    const proxy = await startProxy(addr);
    cleanUp.push(() => proxy.close());
    const { service, isListed } = await start(LONG_GRACE_S, { serverList: proxy.addr });
    await ready(service);
    let refusals = 2;
    proxy.intercept = (seen) =>
      `${seen.method} ${seen.path}` === V1.deregister && refusals-- > 0 ? { status } : undefined;
    const terminated = await service.terminate();
    expectServed(terminated, LONG_GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'confirmed', answer: 'removed' });
    expect(registry?.attempts).toBeGreaterThan(2);
    expect(registry?.error).toContain(`answered ${status}`);
    expect(await isListed()).toBe(false);
  });

  it.each([429, 500])('claims nothing when every call is answered with %i', async (status) => {
    const proxy = await startProxy(addr);
    cleanUp.push(() => proxy.close());
    const { service } = await start(GRACE_S, { serverList: proxy.addr });
    await ready(service);
    proxy.intercept = () => ({ status });
    const terminated = await service.terminate();
    expectServed(terminated, GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'failed', answer: null, confirmedAtMs: null });
    expect(registry?.error).toContain(`answered ${status}`);
    const beats = proxy.of(V1.beat).length;
    proxy.intercept = () => undefined;
    await pause(200);
    expect(proxy.of(V1.beat)).toHaveLength(beats);
  });

  it('claims nothing when the list cannot be read', async () => {
    const proxy = await startProxy(addr);
    cleanUp.push(() => proxy.close());
    const { service } = await start(GRACE_S, { serverList: proxy.addr });
    await ready(service);
    proxy.intercept = ({ path }) => (path.endsWith('/list') ? { status: 500, body: 'No leader' } : undefined);
    const terminated = await service.terminate();
    expectServed(terminated, GRACE_S);
    expect(terminated.report.registries[0]).toMatchObject({
      outcome: 'unconfirmed',
      answer: 'removed',
      confirmedAtMs: null,
    });
    expect(terminated.report.registries[0]?.error).toContain('No leader');
  });

  it('proves nothing in a namespace in which it never was', async () => {
    const { service, name } = await start(GRACE_S);
    await ready(service);
    const misplaced = nacos({ serverList: addr, name, ip: '10.1.2.3', port: 3000, namespaceId: 'elsewhere' });
    cleanUp.push(() => misplaced.close());
    expect(await misplaced.deregister(call())).toBe('absent');
    expect(await misplaced.check(call())).toBe('unknown');
    expect(await hostsOf(addr, { service: name })).toHaveLength(1);
    await service.terminate();
  });
});
