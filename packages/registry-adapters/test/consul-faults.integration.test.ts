import { connect } from 'node:net';
import type { RegistryError } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { consulEyes } from './consul-http.ts';
import { eventually, pause, stays } from './eventually.ts';
import { call, consulBinary, consulLab, failure, shows } from './real-consul.ts';

const binary = await consulBinary('faults of a real Consul (15 tests)');

const METHODS = ['register', 'deregister', 'check'] as const;
/** Heartbeats as fast as they get. */
const FAST = { type: 'ttl', ttlMs: 2_000, heartbeatMs: 50 } as const;

describe.skipIf(binary === undefined)('the Consul adapter, when Consul', () => {
  const { start, adapter } = consulLab(binary);

  it('is down at the start: an error with the address and without its password, then all is well', async () => {
    const server = await start();
    await server.down();
    const url = server.addr.replace('//', '//user:hunter2@');
    const orders = adapter({ addr: url });
    const error = await failure(orders.register(call()));
    expect(error).toMatchObject({ kind: 'unavailable', retryable: true });
    expect(error.message).toContain(`register "orders-1" at ${server.addr}`);
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.message).not.toContain('hunter2');
    await server.up();
    await orders.register(call());
    await shows(orders, 'visible');
  });

  it('is down at the deregistration: an error, and the next try removes what Consul had kept', async () => {
    const server = await start({ storage: 'disk' });
    const orders = adapter(server, { check: FAST });
    await orders.register(call());
    await shows(orders, 'visible');
    await server.down('kill');
    expect(await failure(orders.deregister(call()))).toMatchObject({ kind: 'unavailable' });
    expect(await failure(orders.check(call()))).toMatchObject({ kind: 'unavailable' });
    await server.up();
    expect(await orders.deregister(call())).toBe('removed');
    await shows(orders, 'gone');
    await stays(() => consulEyes(server.addr).ids('orders').then(String), '', 500);
  });

  it('has forgotten everything in a restart: the next heartbeat registers again', async () => {
    const server = await start({ storage: 'memory' });
    const errors: RegistryError[] = [];
    const orders = adapter(server, { check: FAST, onHeartbeatError: (error) => errors.push(error) });
    await orders.register(call());
    await shows(orders, 'visible');
    await server.restart();
    await shows(orders, 'visible');
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.map(({ kind }) => kind)).not.toContain('invalid');
    expect(await orders.deregister(call())).toBe('removed');
  });

  it('has forgotten an instance that it checks itself: registered again too', async () => {
    const server = await start({ storage: 'memory' });
    const orders = adapter(server, {
      check: { type: 'http', url: `${server.addr}/v1/status/leader`, heartbeatMs: 50 },
    });
    await orders.register(call());
    await server.restart();
    await shows(orders, 'visible');
  });

  it('is restarted after the deregistration: the instance stays away', async () => {
    const server = await start({ storage: 'disk' });
    const orders = adapter(server, { check: FAST });
    await orders.register(call());
    await shows(orders, 'visible');
    expect(await orders.deregister(call())).toBe('removed');
    await server.restart();
    await shows(orders, 'gone');
    await stays(() => orders.check(call()), 'gone', 1_000);
  });

  it('is frozen: a timeout that says so, an obeyed signal, and gone once it thaws', async () => {
    const server = await start();
    const orders = adapter(server, { check: FAST, requestTimeoutMs: 400 });
    await orders.register(call());
    await shows(orders, 'visible');
    await server.pause();
    await pause(100);

    const started = performance.now();
    const error = await failure(orders.deregister(call()));
    expect(error).toMatchObject({ kind: 'timeout', retryable: true });
    expect(error.message).toContain(`at ${server.addr}: no answer within 400 ms`);
    // At most the heartbeat on the wire and our own request.
    expect(performance.now() - started).toBeLessThan(2 * 400 + 1_000);

    const asked = performance.now();
    expect(await failure(orders.deregister(call(100)))).toMatchObject({ kind: 'timeout' });
    expect(performance.now() - asked).toBeLessThan(400);

    await server.resume();
    await eventually(
      async () => {
        await orders.deregister(call());
        return orders.check(call());
      },
      'gone',
      5_000,
    );
    await stays(() => orders.check(call()), 'gone', 1_000);
  });

  it('is frozen while it registers: whatever was on the wire, it ends deregistered', async () => {
    const server = await start();
    const orders = adapter(server, { check: FAST, requestTimeoutMs: 400 });
    await server.pause();
    const registered = failure(orders.register(call()));
    const deregistered = failure(orders.deregister(call(200)));
    expect((await registered).kind).toBe('timeout');
    expect((await deregistered).kind).toBe('timeout');
    await server.resume();
    await eventually(
      async () => {
        await orders.deregister(call());
        await pause(50);
        return orders.check(call());
      },
      'gone',
      5_000,
    );
    await stays(() => orders.check(call()), 'gone', 1_000);
  });

  it('refuses the token: kind auth, with the right that is missing', async () => {
    const server = await start({ acl: 'deny' });
    const token = await server.createToken('reader', 'service_prefix "" { policy = "read" }');
    const orders = adapter(server, { token });
    const error = await failure(orders.register(call()));
    expect(error).toMatchObject({ kind: 'auth', status: 403, retryable: false });
    expect(error.message).toContain('service:write for "orders"');
    expect(error.body).toContain('Permission denied');

    const stranger = adapter(server, { token: 'no-such-token' });
    for (const method of METHODS) {
      expect(await failure(stranger[method](call()))).toMatchObject({ kind: 'auth', status: 403 });
    }
  });

  it("does not let us see ourselves: 'unknown', never 'gone', until the list is known to be whole", async () => {
    const server = await start({ acl: 'deny' });
    const token = await server.createToken('writer', 'service "orders" { policy = "write" }');
    const orders = adapter(server, { token });
    // No token at all: Consul does not even say that it keeps something back.
    const anonymous = adapter(server);
    await orders.register(call());
    await eventually(() => consulEyes(server.addr, server.token).ids('orders').then(String), 'orders-1', 5_000);
    await stays(() => orders.check(call()), 'unknown', 300);
    expect(await anonymous.check(call())).toBe('unknown');
    expect(await orders.deregister(call())).toBe('removed');
    // Consul has told this token before that it keeps something back; now it does not.
    await shows(orders, 'gone');
    expect(await anonymous.check(call())).toBe('unknown');
  });

  it('has no namespaces, being the community edition: kind invalid, and what to do', async () => {
    const server = await start();
    for (const option of ['namespace', 'partition']) {
      const orders = adapter(server, { [option]: 'team-a' });
      for (const method of METHODS) {
        const error = await failure(orders[method](call()));
        expect(error).toMatchObject({ kind: 'invalid', status: 400 });
        expect(error.message).toContain('leave "namespace" and "partition" out');
      }
    }
  });

  it('is the wrong agent: both nodes are named, and nothing is claimed', async () => {
    const server = await start();
    const [mine, other] = await Promise.all([start({ join: server }), start({ join: server })]);
    await adapter(mine).register(call());
    const misled = adapter(other);
    await shows(misled, 'visible');
    const error = await failure(misled.deregister(call()));
    expect(error).toMatchObject({ kind: 'invalid', retryable: false });
    expect(error.message).toContain(`the agent of node "${other.node}"`);
    expect(error.message).toContain(`held by that of node "${mine.node}"`);
    expect(error.message).toContain('the same agent');
    await shows(misled, 'visible');
    expect(await adapter(mine).deregister(call())).toBe('removed');
    await shows(misled, 'gone');
    expect(await misled.deregister(call())).toBe('absent');
  });

  it('is the wrong agent and does not say which (no agent:read): worth another try, and explained', async () => {
    const server = await start({ acl: 'deny' });
    const mine = await start({ join: server });
    const token = await server.createToken(
      'orders',
      'service "orders" { policy = "write" } node_prefix "" { policy = "read" }',
    );
    await adapter(mine, { token }).register(call());
    const misled = adapter(server, { token });
    await shows(misled, 'visible');
    const error = await failure(misled.deregister(call()));
    expect(error).toMatchObject({ kind: 'unavailable', retryable: true });
    expect(error.message).toContain(`lists it with node "${mine.node}"`);
  });

  it("has an agent that may not tell the catalog: not 'gone', and explained", async () => {
    const server = await start({ acl: 'deny' });
    const agentToken = await server.createToken('agent', 'node_prefix "" { policy = "read" }');
    const token = await server.createToken(
      'orders',
      'service "orders" { policy = "write" } node_prefix "" { policy = "read" }',
    );
    const agent = await start({ join: server, agentToken });
    const orders = adapter(agent, { token });
    await orders.register(call());
    await shows(orders, 'visible');
    expect(await orders.deregister(call())).toBe('removed');
    await stays(() => orders.check(call()), 'visible', 3_500);
    const error = await failure(orders.deregister(call()));
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(error.message).toContain('blocked by ACLs');
    expect(agent.log()).toContain('blocked by ACLs');
  });

  it('throttles: kind throttled, and free again once it lets us in', async () => {
    const server = await start({ config: { limits: { http_max_conns_per_client: 2 } } });
    const { hostname, port } = new URL(server.addr);
    const orders = adapter(server);
    // Sockets of the readiness probe may still be counted for a moment.
    const open = async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      return socket;
    };
    const sockets = [await open(), await open(), await open()];
    const error = await failure(orders.register(call()));
    expect(error).toMatchObject({ kind: 'throttled', status: 429, retryable: true });
    expect(error.message).toContain('http_max_conns_per_client');
    for (const socket of sockets) socket.destroy();
    await eventually(() => orders.register(call()), undefined, 5_000);
    await shows(orders, 'visible');
  });

  it('has no leader: nothing is proven, and the removal holds once there is one', { timeout: 90_000 }, async () => {
    const first = await start({ storage: 'disk' });
    const second = await start({ join: first, config: { server: true, performance: { raft_multiplier: 1 } } });
    const eyes = consulEyes(second.addr);
    await eventually(() => voters(eyes), 2, 30_000);
    const orders = adapter(second, { check: { type: 'ttl', ttlMs: 60_000 } });
    await orders.register(call());
    await shows(orders, 'visible');
    await first.down('kill');

    const patient = adapter(second, { requestTimeoutMs: 20_000 });
    await eventually(
      () => failure(patient.check(call(20_000))).then(({ kind, status, body }) => `${kind} ${status} ${body}`),
      'unavailable 500 No cluster leader',
      30_000,
    );
    expect(['timeout', 'unavailable']).toContain((await failure(orders.check(call()))).kind);
    // The agent removes it, and answers only when it has given up telling the catalog; until then it answers nobody.
    expect(await failure(orders.deregister(call()))).toMatchObject({ kind: 'timeout' });

    await first.up();
    await shows(orders, 'gone', 30_000);
    await stays(() => orders.check(call()), 'gone', 1_000);
  });
});

async function voters(eyes: ReturnType<typeof consulEyes>): Promise<number> {
  const { Servers: servers } = (await eyes.get('/v1/operator/raft/configuration')) as {
    readonly Servers: readonly { readonly Voter: boolean }[];
  };
  return servers.filter(({ Voter: isVoter }) => isVoter).length;
}
