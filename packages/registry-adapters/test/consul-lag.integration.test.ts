import { Resolver } from 'node:dns/promises';
import { consulSettleMs } from '@prestop/registry-adapters/consul';
import type { ConsulServer } from '@prestop/testkit/servers';
import Consul from 'consul';
import { describe, expect, it } from 'vitest';
import { pause } from './eventually.ts';
import { call, consulBinary, consulLab, shows } from './real-consul.ts';

const binary = await consulBinary('how late consumers of a real Consul learn of a deregistration (1 test)');

const ROUNDS = 50;
const DNS_POLL_MS = 5;

describe.skipIf(binary === undefined)('a consumer of Consul', () => {
  const { start, adapter } = consulLab(binary);

  it('knows of a deregistration within the settle time', { timeout: 120_000 }, async () => {
    const server = await start();
    const [mine, other] = await Promise.all([start({ join: server }), start({ join: server })]);
    const consumers: readonly Consumer[] = [
      blockingQuery('blocking query, server', server),
      blockingQuery('blocking query, same agent', mine),
      blockingQuery('blocking query, another agent', other),
      npmWatch('npm consul watch(), same agent', mine),
      dns('DNS, server', server),
      dns('DNS, same agent', mine),
      dns('DNS, another agent', other),
    ];
    const orders = adapter(mine);
    const lags = new Map<string, number[]>(consumers.map(({ name }) => [name, []]));
    const answers: number[] = [];
    const confirmed: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await orders.register(call());
      await Promise.all(consumers.map(({ until }) => until(true)));
      const asked = performance.now();
      let answered = Number.NaN;
      const learned = consumers.map(async ({ name, until }) => ({ name, at: await until(false) }));
      expect(await orders.deregister(call())).toBe('removed');
      answered = performance.now();
      answers.push(answered - asked);
      await shows(orders, 'gone');
      confirmed.push(performance.now() - answered);
      for (const { name, at } of await Promise.all(learned)) lags.get(name)?.push(at - answered);
    }
    const rows = [['deregistration answered', answers], ['then: our own check says gone', confirmed], ...lags] as const;
    console.log(rows.map(([name, times]) => `${name.padEnd(32)} ${figures(times)}`).join('\n'));
    for (const times of lags.values()) expect(Math.max(...times)).toBeLessThan(consulSettleMs.blockingQuery);
  });
});

interface Consumer {
  readonly name: string;
  /** Resolves when this consumer gets the instance, or no longer does, with the time. */
  readonly until: (listed: boolean) => Promise<number>;
}

/** The way of Consul's own clients: a request that Consul answers only when the list has changed. */
function blockingQuery(name: string, { addr }: ConsulServer): Consumer {
  return {
    name,
    async until(listed) {
      for (let index = '0'; ; ) {
        const response = await fetch(`${addr}/v1/health/service/orders?passing=1&wait=10s&index=${index}`);
        const instances = (await response.json()) as readonly unknown[];
        if (instances.length > 0 === listed) return performance.now();
        index = response.headers.get('x-consul-index') ?? '0';
      }
    },
  };
}

/** What the npm client gives to Node consumers. */
function npmWatch(name: string, { addr }: ConsulServer): Consumer {
  const { hostname: host, port } = new URL(addr);
  const client = new Consul({ host, port: Number(port) });
  return {
    name,
    until: (listed) =>
      new Promise((resolve, reject) => {
        const watch = client.watch({
          method: client.health.service.bind(client.health),
          options: { service: 'orders', passing: 'true' },
        });
        watch.on('change', (instances: readonly unknown[]) => {
          if (instances.length > 0 !== listed) return;
          const at = performance.now();
          watch.end();
          resolve(at);
        });
        watch.on('error', reject);
      }),
  };
}

function dns(name: string, { dnsPort }: ConsulServer): Consumer {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${dnsPort}`]);
  return {
    name,
    async until(listed) {
      for (;;) {
        const addresses = await resolver.resolve4('orders.service.consul').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOTFOUND') return [];
          throw error;
        });
        if (addresses.length > 0 === listed) return performance.now();
        await pause(DNS_POLL_MS);
      }
    },
  };
}

/** In milliseconds; negative when a consumer knew before the answer was here. */
function figures(times: readonly number[]): string {
  const sorted = [...times].sort((left, right) => left - right);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  return `median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(1)} ms (${sorted.length} times)`;
}
