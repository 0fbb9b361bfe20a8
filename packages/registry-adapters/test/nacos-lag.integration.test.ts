/**
 * How long after a deregistration consumers know of it: the figures behind `nacosSettleMs`. And what they never get to
 * know: that the last instance of a service has gone.
 */
import type { RegistryAdapter } from '@prestop/core';
import { nacos, nacosSettleMs } from '@prestop/registry-adapters/nacos';
import { openNacos } from '@prestop/testkit/servers';
import { afterAll, afterEach, expect, it } from 'vitest';
import { eventually, pause } from './eventually.ts';
import { type NpmConsumer, subscribe } from './nacos/npm-consumer.ts';
import { call, describeWithServer, hostsOf, mustBeOwn } from './nacos/support.ts';
import { subscribeWithUdp } from './nacos/udp-subscriber.ts';

const server = await openNacos();
const addr = server.available ? server.addr : 'http://127.0.0.1:0';
afterAll(async () => {
  if (server.available) await server.stop();
});

/** `cacheMillis` of the server: how often the npm client asks. */
const POLL_MS = 10_000;
/** How long the server gathers changes before it tells anybody (`pushTaskDelay`), and what a busy machine adds. */
const PUSH_MS = 500;
const BUSY_MS = 400;

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

let services = 0;
function newService(): string {
  services += 1;
  return `lag-${process.pid}-${services}`;
}

async function registered(service: string, ip: string): Promise<RegistryAdapter> {
  const adapter = nacos({ serverList: addr, name: service, ip, port: 3000 });
  await adapter.register(call());
  cleanUp.push(async () => {
    await adapter.deregister(call()).catch(() => undefined);
    await adapter.close();
  });
  await eventually(() => adapter.check(call()), 'visible', 5_000);
  return adapter;
}

async function consumerOf(service: string, how: 'push' | 'poll', instances: number): Promise<NpmConsumer> {
  const consumer = await subscribe(addr, service, how);
  cleanUp.push(() => consumer.client.close());
  await eventually(async () => consumer.told(), instances, 5_000);
  return consumer;
}

function say(what: string, figures: readonly number[]): void {
  const sorted = figures.map((ms) => Math.round(ms)).sort((left, right) => left - right);
  process.stderr.write(`Nacos, ${what}: ${sorted.join(', ')} ms after the answer to the deregistration\n`);
}

// A server of 3.2 has no UDP push, and one in a container may have no way back to this process.
describeWithServer(mustBeOwn(server), import.meta.url)('consumers of Nacos', () => {
  it('that ask over HTTP know within the half second for which the server gathers changes', async () => {
    const figures: number[] = [];
    for (let round = 0; round < 10; round++) {
      const service = newService();
      const [leaving] = [await registered(service, '10.0.0.1'), await registered(service, '10.0.0.2')];
      await leaving.deregister(call());
      const answered = performance.now();
      await eventually(async () => (await hostsOf(addr, { service })).length, 1, 5_000);
      figures.push(performance.now() - answered);
    }
    say('fresh list over HTTP', figures);
    expect(Math.max(...figures)).toBeLessThan(PUSH_MS + BUSY_MS);
  });

  it('that are told by a push know within the preset for it', async () => {
    const figures: number[] = [];
    for (let round = 0; round < 10; round++) {
      const service = newService();
      const [leaving] = [await registered(service, '10.0.0.1'), await registered(service, '10.0.0.2')];
      const consumer = await consumerOf(service, 'push', 2);
      const told = consumer.toldOf(1);
      await leaving.deregister(call());
      const answered = performance.now();
      figures.push((await told) - answered);
    }
    say('npm client, push', figures);
    expect(Math.max(...figures)).toBeLessThan(nacosSettleMs.push);
  });

  it('that ask every ten seconds know within the preset for it', async () => {
    const service = newService();
    const [leaving] = [await registered(service, '10.0.0.1'), await registered(service, '10.0.0.2')];
    const told: Promise<number>[] = [];
    for (let consumer = 0; consumer < 8; consumer++) {
      told.push((await consumerOf(service, 'poll', 2)).toldOf(1));
      // Spread over one interval, so that one of them has asked just before.
      await pause(POLL_MS / 8);
    }
    await leaving.deregister(call());
    const answered = performance.now();
    const figures = (await Promise.all(told)).map((at) => at - answered);
    say('npm client, no push', figures);
    expect(Math.max(...figures)).toBeGreaterThan(POLL_MS / 2);
    expect(Math.max(...figures)).toBeLessThan(nacosSettleMs.poll);
  });

  it('are told by the server that the last instance has left, and the npm client keeps it to itself', async () => {
    const service = newService();
    const last = await registered(service, '10.0.0.1');
    const bare = await subscribeWithUdp(addr, service);
    cleanUp.push(() => bare.close());
    const [pushed, polling] = [await consumerOf(service, 'push', 1), await consumerOf(service, 'poll', 1)];
    await last.deregister(call());

    // The server does its part: it pushes the empty list, and whoever asks gets it.
    await eventually(async () => bare.pushed.at(-1), 0, 5_000);
    expect(await hostsOf(addr, { service })).toEqual([]);
    expect(await last.check(call())).toBe('gone');

    // Through a push and more than one interval, the client calls every empty list invalid and shows the old one.
    await pause(POLL_MS + 2_000);
    for (const { client, told } of [pushed, polling]) {
      expect(told()).toBe(1);
      for (const how of [true, false]) {
        const found = await client.getAllInstances(service, 'DEFAULT_GROUP', 'DEFAULT', how);
        expect(found.map(({ ip }) => ip)).toEqual(['10.0.0.1']);
      }
    }

    // It is the last one that is kept: with a successor in the list, the old one goes.
    await registered(service, '10.0.0.2');
    for (const { told, client } of [pushed, polling]) {
      await eventually(async () => told(), 1, POLL_MS + 2_000);
      await eventually(
        async () => (await client.getAllInstances(service, 'DEFAULT_GROUP', 'DEFAULT', true))[0]?.ip,
        '10.0.0.2',
        POLL_MS + 2_000,
      );
    }
  });
});
