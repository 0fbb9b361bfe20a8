import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ConsulOptions, consul } from '@prestop/registry-adapters/consul';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, stays } from './eventually.ts';
import { call, failure } from './real-consul.ts';

/** A request as it came over the wire. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  readonly body: string;
  /** Whether its sender has hung up. */
  readonly isCut: () => boolean;
}

/** Stands in for an agent where the moment matters, which the real one does not let us choose. */
class Agent {
  readonly seen: Seen[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #held = new Map<string, Promise<void>>();
  readonly #statuses = new Map<string, { status: number; body: string }>();

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers requests whose path holds `part` only once the returned function is called. */
  hold(part: string): () => void {
    let release: () => void = () => undefined;
    this.#held.set(
      part,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    return release;
  }

  answer(part: string, status: number, body: string): void {
    this.#statuses.set(part, { status, body });
  }

  /** The last parts of the paths so far. */
  calls(): string {
    return this.seen.map(({ path }) => path.split('/').find((part) => NAMED.includes(part)) ?? path).join(' ');
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://agent');
    let isCut = false;
    response.once('close', () => {
      isCut = !response.writableFinished;
    });
    this.seen.push({
      method: request.method ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      token: request.headers['x-consul-token'] as string | undefined,
      body: await text(request),
      isCut: () => isCut,
    });
    for (const [part, held] of this.#held) if (pathname.includes(part)) await held;
    const given = [...this.#statuses].find(([part]) => pathname.includes(part))?.[1];
    const { status, body } = given ?? { status: 200, body: pathname.includes('/health/') ? '[]' : '' };
    response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'text/plain' }).end(body);
  }
}

const NAMED: readonly string[] = ['register', 'deregister', 'pass', 'health', 'maintenance', 'self', 'services'];
const UNKNOWN_CHECK = 'Unknown check ID "service:orders-1". Ensure that the check ID is passed, not the check name.';

describe('on the wire, the Consul adapter', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const agentAndAdapter = async (options: Partial<ConsulOptions> = {}) => {
    const agent = new Agent();
    const url = await agent.listen();
    const adapter = consul({
      url,
      name: 'orders',
      port: 3000,
      address: '10.0.0.5',
      id: 'orders-1',
      check: { type: 'ttl', ttlMs: 10_000, heartbeatMs: 50 },
      onHeartbeatError: () => undefined,
      ...options,
    });
    closing.push(
      () => adapter.close(),
      () => agent.close(),
    );
    return { agent, adapter };
  };

  it('awaits the heartbeat that is under way, and does not register again however it ends', async () => {
    const { agent, adapter } = await agentAndAdapter();
    const release = agent.hold('/check/pass/');
    agent.answer('/check/pass/', 404, UNKNOWN_CHECK);
    await adapter.register(call());
    await eventually(async () => agent.calls(), 'register pass', 2_000);
    const deregistered = adapter.deregister(call());
    await stays(async () => agent.calls(), 'register pass', 200);
    release();
    expect(await deregistered).toBe('removed');
    await stays(async () => agent.calls(), 'register pass deregister', 200);
  });

  it('awaits a registration by a heartbeat that is under way', async () => {
    const { agent, adapter } = await agentAndAdapter();
    await adapter.register(call());
    const release = agent.hold('/service/register');
    agent.answer('/check/pass/', 404, UNKNOWN_CHECK);
    await eventually(async () => agent.calls(), 'register pass register', 2_000);
    const deregistered = adapter.deregister(call());
    await stays(async () => agent.calls(), 'register pass register', 200);
    release();
    expect(await deregistered).toBe('removed');
    await stays(async () => agent.calls(), 'register pass register deregister', 200);
  });

  it('does not wait for it longer than its signal lives, and cuts it', async () => {
    const { agent, adapter } = await agentAndAdapter();
    agent.hold('/check/pass/');
    await adapter.register(call());
    await eventually(async () => agent.calls(), 'register pass', 2_000);
    const error = await failure(adapter.deregister(call(100)));
    expect(error).toMatchObject({ kind: 'timeout', retryable: true });
    await eventually(async () => agent.seen[1]?.isCut(), true, 1_000);
    expect(await adapter.deregister(call())).toBe('removed');
  });

  it('cuts what is under way when it is closed', async () => {
    const { agent, adapter } = await agentAndAdapter();
    agent.hold('/health/');
    const checked = failure(adapter.check(call()));
    await eventually(async () => agent.calls(), 'health', 2_000);
    await adapter.close();
    expect((await checked).message).toContain('closed');
    await eventually(async () => agent.seen[0]?.isCut(), true, 1_000);
  });

  it('cuts what is under way when its signal aborts', async () => {
    const { agent, adapter } = await agentAndAdapter();
    agent.hold('/health/');
    const controller = new AbortController();
    const checked = failure(adapter.check({ signal: controller.signal }));
    await eventually(async () => agent.calls(), 'health', 2_000);
    controller.abort(new Error('the deadline'));
    expect((await checked).message).toContain('the deadline');
    await eventually(async () => agent.seen[0]?.isCut(), true, 1_000);
  });

  it('is not beaten by an answer that breaks off', async () => {
    const { adapter, agent } = await agentAndAdapter({ requestTimeoutMs: 200 });
    const broken = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('[');
      setImmediate(() => response.destroy());
    });
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    closing.push(() => broken.close());
    const { port } = broken.address() as AddressInfo;
    const other = consul({ name: 'orders', port: 3000, url: `http://127.0.0.1:${port}`, requestTimeoutMs: 200 });
    closing.push(() => other.close());
    expect((await failure(other.check(call()))).retryable).toBe(true);
    expect(agent.seen).toEqual([]);
    expect(await adapter.check(call())).toBe('unknown');
  });

  it('sends token, namespace and partition with every request', async () => {
    const { agent, adapter } = await agentAndAdapter({ token: 'the-token', namespace: 'team-a', partition: 'west' });
    await adapter.register(call());
    await eventually(async () => agent.calls().startsWith('register pass'), true, 2_000);
    await adapter.maintenance('on', { ...call(), reason: 'why' });
    await adapter.check(call());
    agent.answer('/deregister/', 404, 'Unknown service ID "orders-1". Ensure that the service ID is passed');
    await adapter.deregister(call());
    expect(new Set(agent.calls().split(' '))).toEqual(
      new Set(['register', 'pass', 'maintenance', 'health', 'deregister']),
    );
    for (const { token, query } of agent.seen) {
      expect(token).toBe('the-token');
      expect(query).toMatchObject({ ns: 'team-a', partition: 'west' });
    }
  });

  it('sends the whole registration, and ends what a predecessor left', async () => {
    const { agent, adapter } = await agentAndAdapter({
      weights: { passing: 5, warning: 2 },
      tags: ['blue'],
      check: { type: 'http', url: '/livez', intervalMs: 5_000, timeoutMs: 700, verifyTls: false },
      deregisterCriticalAfterMs: 120_000,
    });
    await adapter.register(call());
    const [sent] = agent.seen;
    expect(sent).toMatchObject({ method: 'PUT', path: '/v1/agent/service/register' });
    expect(sent?.query).toEqual({ 'replace-existing-checks': 'true' });
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      Name: 'orders',
      ID: 'orders-1',
      Tags: ['blue'],
      Meta: {},
      Address: '10.0.0.5',
      Port: 3000,
      Weights: { Passing: 5, Warning: 2 },
      Check: {
        HTTP: 'http://10.0.0.5:3000/livez',
        Interval: '5000ms',
        Timeout: '700ms',
        TLSSkipVerify: true,
        Status: 'passing',
        DeregisterCriticalServiceAfter: '120000ms',
      },
    });
    expect(sent?.token).toBeUndefined();
  });

  it('says once by a process warning that heartbeats fail, when nobody else is told', async () => {
    const { adapter, agent } = await agentAndAdapter({ onHeartbeatError: undefined as never });
    const warnings: Error[] = [];
    const listen = (warning: Error): void => {
      if ((warning as NodeJS.ErrnoException).code === 'PRESTOP_HEARTBEAT') warnings.push(warning);
    };
    process.on('warning', listen);
    try {
      agent.answer('/check/pass/', 500, 'No cluster leader');
      await adapter.register(call());
      await eventually(async () => agent.seen.length > 4, true, 2_000);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.message).toContain('heartbeat of "orders-1"');
      agent.answer('/check/pass/', 200, '');
      const soFar = agent.seen.length;
      await eventually(async () => agent.seen.length > soFar + 1, true, 2_000);
      agent.answer('/check/pass/', 500, 'No cluster leader');
      await eventually(async () => warnings.length, 2, 2_000);
    } finally {
      process.off('warning', listen);
    }
  });

  it('goes on when whoever is told of a failed heartbeat throws', async () => {
    let told = 0;
    const { adapter, agent } = await agentAndAdapter({
      onHeartbeatError: () => {
        told += 1;
        throw new Error('of the listener');
      },
    });
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listen);
    try {
      agent.answer('/check/pass/', 500, 'No cluster leader');
      await adapter.register(call());
      await eventually(async () => told > 1 && warnings.includes('of the listener'), true, 2_000);
    } finally {
      process.off('warning', listen);
    }
  });
});
