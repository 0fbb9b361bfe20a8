/** What can go wrong between a service and a real Consul while the service starts and terminates. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsulOptions } from '@prestop/registry-adapters/consul';
import type { ConsulServer } from '@prestop/testkit/servers';
import { afterEach, describe, expect, it } from 'vitest';
import { consulEyes } from './consul-http.ts';
import { pause, stays } from './eventually.ts';
import { expectNeverSeenAgain, expectServed, type Service, startService } from './lifecycle-service.ts';
import { consulBinary, consulLab } from './real-consul.ts';

const binary = await consulBinary('a service with a real Consul (6 tests)');

const FAST = { type: 'ttl', ttlMs: 2_000, heartbeatMs: 50 } as const;
/** Grace periods of the services here, in seconds. */
const GRACE_S = 8;
const LONG_GRACE_S = 120;

describe.skipIf(binary === undefined)('a service with Consul', () => {
  const lab = consulLab(binary);
  const services: Service[] = [];
  afterEach(() => Promise.all(services.splice(0).map((service) => service.stop())));

  async function start(server: ConsulServer, graceS: number, options: Partial<ConsulOptions> = {}): Promise<Service> {
    const adapter = lab.adapter(server, { check: FAST, ...options });
    const service = await startService(adapter, graceS, graceS === GRACE_S ? 1_500 : 60_000);
    services.push(service);
    return service;
  }

  const listed = (server: ConsulServer): Promise<boolean> =>
    consulEyes(server.addr)
      .ids('orders')
      .then((ids) => ids.length > 0);

  it('is never seen again once its removal was confirmed, with heartbeats at their fastest', async () => {
    const server = await lab.start();
    for (let round = 0; round < 5; round++) {
      const service = await start(server, GRACE_S);
      await service.lifecycle.start();
      await expectNeverSeenAgain(service, () => listed(server), GRACE_S);
    }
  });

  it('starts while the server is down, serves, and is listed when the server is up', async () => {
    const server = await lab.start();
    await server.down();
    const service = await start(server, GRACE_S);
    expect((await fetch(service.origin)).status).toBe(200);
    expect(service.lifecycle.phase).toBe('starting');
    await server.up();
    await service.lifecycle.start();
    expect(await listed(server)).toBe(true);
    expectServed(await service.terminate(), GRACE_S);
    expect(await listed(server)).toBe(false);
  });

  it('terminates in time when the server went down before it', async () => {
    const server = await lab.start();
    const service = await start(server, GRACE_S);
    await service.lifecycle.start();
    await server.down('kill');
    const terminated = await service.terminate();
    expectServed(terminated, GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'failed', answer: null, removedAtMs: null });
    expect(registry?.attempts).toBeGreaterThan(2);
    expect(registry?.error).toContain('ECONNREFUSED');
  });

  it('is removed when the server, which remembers it, is restarted while it terminates', async () => {
    const server = await lab.start({ storage: 'disk' });
    const service = await start(server, LONG_GRACE_S);
    await service.lifecycle.start();
    await server.down();
    const up = server.up();
    const terminated = await service.terminate();
    await up;
    expectServed(terminated, LONG_GRACE_S);
    // 'removed', or 'absent' when the agent finished what a call had asked for that was given up without a leader.
    expect(terminated.report.registries[0]).toMatchObject({ outcome: 'confirmed' });
    await stays(() => listed(server), false, 1_000);
  });

  it('is removed when the server hangs at first', async () => {
    const server = await lab.start();
    const service = await start(server, LONG_GRACE_S);
    await service.lifecycle.start();
    await server.pause();
    const resumed = pause(3_000).then(() => server.resume());
    const terminated = await service.terminate();
    await resumed;
    expectServed(terminated, LONG_GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'confirmed' });
    expect(registry?.confirmedAtMs).toBeGreaterThan(3_000);
    await stays(() => listed(server), false, 1_000);
  });

  it('terminates in time when its token has lost its rights, and the report says so', async () => {
    const server = await lab.start({ acl: 'deny' });
    const rights = 'service "orders" { policy = "write" } node_prefix "" { policy = "read" }';
    const token = await server.createToken('orders', rights);
    const lesser = await server.createToken(
      'reader',
      'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }',
    );
    const folder = mkdtempSync(join(tmpdir(), 'prestop-token-'));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, token);
    const service = await start(server, GRACE_S, { tokenFile });
    await service.lifecycle.start();
    writeFileSync(tokenFile, lesser);
    const terminated = await service.terminate();
    rmSync(folder, { recursive: true });
    expectServed(terminated, GRACE_S);
    const [registry] = terminated.report.registries;
    expect(registry).toMatchObject({ outcome: 'failed', answer: null });
    expect(registry?.error).toContain('service:write for "orders"');
    for (const secret of [token, lesser]) expect(JSON.stringify(terminated.report)).not.toContain(secret);
  });
});
