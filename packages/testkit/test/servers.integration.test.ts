import { type ChildProcess, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { selfSignedCertificate } from '../src/certificate.ts';
import {
  type ConsulOptions,
  type ConsulServer,
  ensureConsulBinary,
  ensureNacosClasspath,
  mustSkip,
  type NacosServer,
  startConsul,
  startNacos,
} from '../src/servers/index.ts';

const consul = await ensureConsulBinary();
const nacos = await ensureNacosClasspath();
const binary = consul.available ? consul.binary : '';
const classpath = nacos.available ? nacos.classpath : '';

const UNANSWERED = { name: 'TimeoutError' };

describe.skipIf(mustSkip(consul, "the tests of the testkit's Consul"))('Consul', () => {
  const started: ConsulServer[] = [];

  async function start(options: Omit<ConsulOptions, 'binary'> = {}): Promise<ConsulServer> {
    const server = await startConsul({ binary, ...options });
    started.push(server);
    return server;
  }

  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.stop()));
  });

  test('is ready in less than 5 s and answers HTTP and DNS', async () => {
    const beforeMs = performance.now();
    const server = await start();
    expect(performance.now() - beforeMs).toBeLessThan(5_000);
    await put(server, '/v1/agent/service/register', { Name: 'orders', Port: 3000 });
    expect(await nodesOf(server, 'orders')).toEqual([server.node]);
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${server.dnsPort}`]);
    expect(await resolver.resolveSrv('orders.service.consul')).toMatchObject([{ port: 3000 }]);
  });

  test('answers nothing while it is paused', async () => {
    const server = await start();
    await server.pause();
    await expect(get(server.addr, '/v1/status/leader')).rejects.toMatchObject(UNANSWERED);
    await server.resume();
    expect((await get(server.addr, '/v1/status/leader')).status).toBe(200);
  });

  test.for([
    ['memory', []],
    ['disk', ['orders']],
  ] as const)('with storage in %s, a restart on the same port keeps the services %j', async ([storage, kept]) => {
    const server = await start({ storage });
    await put(server, '/v1/agent/service/register', { Name: 'orders', Port: 3000 });
    await server.restart();
    const services = (await (await get(server.addr, '/v1/agent/services')).json()) as object;
    expect(Object.keys(services)).toEqual(kept);
  });

  test('is gone between down() and up(), also when it was paused', async () => {
    const server = await start();
    await server.pause();
    await server.down();
    await expect(get(server.addr, '/v1/status/leader')).rejects.toThrow('fetch failed');
    await server.up();
    await server.down('kill');
    await server.up();
    expect((await get(server.addr, '/v1/status/leader')).status).toBe(200);
  });

  test('with ACLs, a token has the rights of its policy and no more', async () => {
    const server = await start({ acl: 'deny' });
    const token = await server.createToken('orders-only', 'service "orders" { policy = "write" }');
    expect((await register(server, 'orders')).status).toBe(403);
    expect((await register(server, 'orders', token)).status).toBe(200);
    expect((await register(server, 'payments', token)).status).toBe(403);
    expect((await register(server, 'payments', server.token)).status).toBe(200);
  });

  test('a service of a client agent reaches the catalog of its server', async () => {
    const server = await start();
    const agent = await start({ join: server, node: 'worker' });
    await put(agent, '/v1/agent/service/register', { Name: 'orders', Port: 3000 });
    await expect.poll(() => nodesOf(server, 'orders'), { timeout: 5_000 }).toEqual(['worker']);
    expect(await (await get(server.addr, '/v1/agent/services')).json()).toEqual({});
  });

  test('a client agent whose own token lacks the rights cannot take its service out of the catalog', async () => {
    const server = await start({ acl: 'deny' });
    const agentToken = await server.createToken('nothing', 'key "none" { policy = "read" }');
    const agent = await start({ join: server, agentToken });
    expect((await register(agent, 'orders', server.token)).status).toBe(200);
    await expect.poll(() => nodesOf(server, 'orders'), { timeout: 5_000 }).toEqual([agent.node]);
    await put(agent, '/v1/agent/service/deregister/orders');
    await expect.poll(() => agent.log(), { timeout: 5_000 }).toContain('blocked by ACLs');
    expect(await nodesOf(server, 'orders')).toEqual([agent.node]);
  });

  test.for(['none', 'required'] as const)('serves HTTPS, client certificate %s', async (clientCertificate) => {
    const folder = temporaryFolder();
    const { cert, key } = selfSignedCertificate();
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    const server = await start({ tls: { certFile, keyFile, caFile: certFile, clientCertificate } });
    expect(server.addr).toMatch(/^https:/);
  });

  test('takes more of its configuration: a limit of connections', async () => {
    const server = await start({ config: { limits: { http_max_conns_per_client: 1 } } });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    // The connection by which the start was seen counts until Consul has noticed its end.
    await expect.poll(() => statusOn(agent, server.addr)).toBe(200);
    await expect(get(server.addr, '/v1/status/leader')).resolves.toMatchObject({ status: 429 });
  });

  test('leaves no file and no process behind', async () => {
    const server = await start();
    const folder = ownFolders();
    expect(folder).toHaveLength(1);
    await server.stop();
    await server.stop();
    expect(ownFolders()).toEqual([]);
    expect(server.log()).toContain('Consul agent');
    await expect(get(server.addr, '/v1/status/leader')).rejects.toThrow('fetch failed');
  });

  test('says what is wrong with a call in the wrong state', async () => {
    const server = await start();
    await expect(server.resume()).rejects.toThrow(/resume\(\) needs a server that is paused; it is running$/);
    await expect(server.createToken('any', '')).rejects.toThrow("start it with acl: 'deny'");
  });

  test('says why it did not start, and leaves nothing behind', async () => {
    await expect(start({ config: { datacenter: 'not a name' } })).rejects.toMatchObject({
      code: 'ERR_TESTKIT_SERVICE_EXITED',
      message: expect.stringContaining('datacenter can only contain'),
    });
    await expect(startConsul({ binary: '/nowhere/consul' })).rejects.toMatchObject({ code: 'ERR_TESTKIT_SPAWN' });
    await expect(start({ startTimeoutMs: 0, storage: 'disk' })).rejects.toMatchObject({ code: 'ERR_TESTKIT_TIMEOUT' });
    expect(ownFolders()).toEqual([]);
  });

  test('refuses options that contradict each other', async () => {
    const server = await start();
    const invalid = { code: 'ERR_TESTKIT_OPTION_INVALID' };
    await expect(start({ join: server, storage: 'memory' })).rejects.toMatchObject(invalid);
    await expect(start({ join: server, acl: 'deny' })).rejects.toMatchObject(invalid);
    await expect(start({ agentToken: 'secret' })).rejects.toMatchObject(invalid);
  });

  test('does not survive a test run that is killed', async () => {
    const folder = temporaryFolder();
    const run = killableRun({ CONSUL_BINARY: binary, TELL_FOLDER: folder });
    const files = ['global-setup', 'test'].map((name) => join(folder, name));
    await expect.poll(() => files.every(existsSync), { timeout: 30_000 }).toBe(true);
    const addresses = files.map((file) => readFileSync(file, 'utf8'));
    for (const addr of addresses) expect((await get(addr, '/v1/status/leader')).status).toBe(200);

    run.kill('SIGKILL');
    for (const addr of addresses) {
      await expect.poll(() => answers(addr), { timeout: 5_000 }).toBe(false);
    }
  });
});

describe.skipIf(mustSkip(nacos, "the tests of the testkit's Nacos"))('Nacos', () => {
  let server: NacosServer;
  let readyMs: number;

  beforeAll(async () => {
    const beforeMs = performance.now();
    server = await startNacos({ classpath });
    readyMs = performance.now() - beforeMs;
  }, 90_000);

  afterAll(() => server.stop());

  test('is ready in less than 30 s and lists what was registered', async () => {
    expect(readyMs).toBeLessThan(30_000);
    await fetch(`${server.addr}/nacos/v1/ns/instance?serviceName=orders&ip=10.0.0.1&port=3000`, { method: 'POST' });
    const answer = await get(server.addr, '/nacos/v1/ns/instance/list?serviceName=orders');
    expect(await answer.json()).toMatchObject({ hosts: [{ ip: '10.0.0.1', port: 3000 }] });
  });

  test('answers nothing while it is paused', async () => {
    await server.pause();
    await expect(get(server.addr, '/nacos/v1/ns/operator/metrics')).rejects.toMatchObject(UNANSWERED);
    await server.resume();
    expect((await get(server.addr, '/nacos/v1/ns/operator/metrics')).status).toBe(200);
  });

  test('a restart on the same port forgets ephemeral instances', async () => {
    await server.restart();
    const answer = await get(server.addr, '/nacos/v1/ns/instance/list?serviceName=orders');
    expect(await answer.json()).toMatchObject({ hosts: [] });
  }, 90_000);

  test('with auth, lets in the admin, and a user without rights no further than the login', async () => {
    const guarded = await startNacos({ classpath, auth: 'on' });
    onTestFinished(() => guarded.stop());
    const { username = '', password = '' } = guarded;
    const list = '/nacos/v1/ns/instance/list?serviceName=orders';
    expect((await get(guarded.addr, list)).status).toBe(403);
    const admin = await login(guarded.addr, username, password);
    expect((await get(guarded.addr, `${list}&accessToken=${admin}`)).status).toBe(200);

    await guarded.addUser('guest', 'guest-password');
    const guest = await login(guarded.addr, 'guest', 'guest-password');
    expect((await get(guarded.addr, `${list}&accessToken=${guest}`)).status).toBe(403);
  }, 90_000);
});

function get(addr: string, path: string, token?: string): Promise<Response> {
  return fetch(`${addr}${path}`, {
    signal: AbortSignal.timeout(1_000),
    // A kept connection would count against a limit of connections, or outlive a restart.
    headers: { Connection: 'close', ...(token === undefined ? {} : { 'X-Consul-Token': token }) },
  });
}

async function answers(addr: string): Promise<boolean> {
  try {
    await get(addr, '/v1/status/leader');
    return true;
  } catch {
    return false;
  }
}

async function put(server: ConsulServer, path: string, body?: unknown): Promise<void> {
  expect((await putWith(server, path, server.token, body)).status).toBe(200);
}

function register(server: ConsulServer, name: string, token?: string): Promise<Response> {
  return putWith(server, '/v1/agent/service/register', token, { Name: name, Port: 3000 });
}

function putWith(server: ConsulServer, path: string, token: string | undefined, body?: unknown): Promise<Response> {
  return fetch(`${server.addr}${path}`, {
    method: 'PUT',
    headers: token === undefined ? {} : { 'X-Consul-Token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The names of the nodes on which the catalog knows `service`. */
async function nodesOf(server: ConsulServer, service: string): Promise<readonly string[]> {
  const answer = await get(server.addr, `/v1/catalog/service/${service}`, server.token);
  return ((await answer.json()) as readonly { readonly Node: string }[]).map(({ Node }) => Node);
}

async function login(addr: string, username: string, password: string): Promise<string> {
  const body = new URLSearchParams({ username, password });
  const answer = await fetch(`${addr}/nacos/v1/auth/users/login`, { method: 'POST', body });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { readonly accessToken: string }).accessToken;
}

/** One request whose connection stays open in `agent`. */
function statusOn(agent: Agent, addr: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${addr}/v1/status/leader`, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    })
      .once('error', reject)
      .end();
  });
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'prestop-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Folders of servers that this process runs. */
function ownFolders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`prestop-server-${process.pid}-`));
}

function killableRun(env: Readonly<Record<string, string>>): ChildProcess {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const config = join(import.meta.dirname, 'servers-killed-run', 'vitest.config.ts');
  const run = spawn(process.execPath, [vitest, 'run', '--config', config], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  onTestFinished(() => {
    run.kill('SIGKILL');
  });
  return run;
}
