import { setTimeout as pause } from 'node:timers/promises';
import nacos from 'nacos';

/** A consumer of Nacos that keeps the last list it was told. */
export interface NacosConsumer {
  /** Healthy instances, as `host:port`. */
  readonly discover: () => Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface Host {
  readonly ip: string;
  readonly port: number;
  readonly healthy: boolean;
  readonly enabled: boolean;
}

const POLL_MS = 500;
const SILENT = { info() {}, warn() {}, error() {}, debug() {} } as unknown as typeof console;

/** Subscribes as Node services do, with the npm client and its UDP push; servers without the v1 API are polled. */
export async function subscribeNacos(addr: string, service: string): Promise<NacosConsumer> {
  const v1 = await fetch(`${addr}/nacos/v1/ns/instance/list?serviceName=${service}`);
  return v1.ok ? subscribe(addr, service) : poll(addr, service);
}

async function subscribe(addr: string, service: string): Promise<NacosConsumer> {
  const client = new nacos.NacosNamingClient({ logger: SILENT, serverList: new URL(addr).host, namespace: 'public' });
  await client.ready();
  let listed: readonly string[] = [];
  client.subscribe({ serviceName: service }, (hosts: readonly Host[]) => {
    listed = targets(hosts);
  });
  return {
    discover: async () => listed,
    // Its types lack `close`.
    stop: () => (client as unknown as { close(): Promise<void> }).close(),
  };
}

function poll(addr: string, service: string): NacosConsumer {
  const stopping = new AbortController();
  const { signal } = stopping;
  const url = `${addr}/nacos/v3/client/ns/instance/list?serviceName=${service}`;
  let listed: readonly string[] = [];
  const polling = (async () => {
    while (!signal.aborted) {
      try {
        const { data } = (await (await fetch(url, { signal })).json()) as { readonly data: readonly Host[] };
        listed = targets(data);
      } catch {
        // The last list is kept, as consumers do.
      }
      await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    discover: async () => listed,
    async stop() {
      stopping.abort();
      await polling;
    },
  };
}

function targets(hosts: readonly Host[]): readonly string[] {
  return hosts.filter(({ healthy, enabled }) => healthy && enabled).map(({ ip, port }) => `${ip}:${port}`);
}
