import { type ConsulOptions, consul } from '@prestop/registry-adapters/consul';
import { ensureConsulBinary, mustSkip, openConsul, startConsul } from '@prestop/testkit/servers';
import { afterAll, describe } from 'vitest';
import { conformance, type Subject } from './conformance.ts';
import { consulEyes } from './consul-http.ts';

const ORDERS = { name: 'orders', port: 3000, address: '127.0.0.1' };
/** As fast as it gets. */
const TTL = { type: 'ttl', ttlMs: 1_000, heartbeatMs: 50 } as const;

function subject(options: ConsulOptions & { readonly url: string }, id: string, token?: string): Subject {
  const eyes = consulEyes(options.url, token);
  const whole = { ...options, id };
  return {
    create: () => consul(whole),
    observe: async () => (await eyes.ids('orders')).includes(id),
    child: { module: '@prestop/registry-adapters/consul', factory: 'consul', options: whole },
  };
}

const server = await openConsul();
const skipped = mustSkip(server, 'conformance of the Consul adapter, with TTL and with HTTP checks (30 tests)');
const url = server.available ? server.addr : '';
if (server.available) afterAll(() => server.stop());

describe.skipIf(skipped)('on a Consul without ACLs', () => {
  conformance('consul with a TTL check', (id) => subject({ ...ORDERS, url, check: TTL }, id), { rounds: 50 });

  const check = { type: 'http', url: `${url}/v1/status/leader`, intervalMs: 1_000, heartbeatMs: 50 } as const;
  conformance('consul with an HTTP check', (id) => subject({ ...ORDERS, url, check }, id));
});

const found = await ensureConsulBinary();
const guarded = mustSkip(found, 'conformance of the Consul adapter on a client agent with ACLs (16 tests)')
  ? undefined
  : await guardedCluster(found.binary);

describe.skipIf(guarded === undefined)('on a client agent with ACLs', () => {
  const { agentUrl = '', management = '', rightful = '', powerless = '' } = guarded ?? {};

  const options = { ...ORDERS, url: agentUrl, check: TTL, token: rightful };

  conformance('consul with a token', (id) => subject(options, id, management), {
    rounds: 50,
    refused: (id) => {
      const password = 'pass/word&hunter2';
      const passphrase = 'the passphrase of a key';
      const url = new URL(agentUrl);
      url.username = 'orders';
      url.password = encodeURIComponent(password);
      return {
        adapter: consul({ ...options, id, url: url.href, token: powerless, tls: { passphrase } }),
        secrets: [powerless, password, passphrase],
      };
    },
  });
});

async function guardedCluster(
  binary: string,
): Promise<Record<'agentUrl' | 'management' | 'rightful' | 'powerless', string>> {
  const leader = await startConsul({ binary, acl: 'deny' });
  const agent = await startConsul({ binary, join: leader });
  afterAll(async () => {
    await agent.stop();
    await leader.stop();
  });
  return {
    agentUrl: agent.addr,
    management: leader.token ?? '',
    rightful: await leader.createToken(
      'rightful',
      'service "orders" { policy = "write" } node_prefix "" { policy = "read" }',
    ),
    powerless: await leader.createToken('powerless', 'key_prefix "" { policy = "read" }'),
  };
}
