import nacosPackage from 'nacos';

/** What an application does with npm `nacos` to find the instances of a service. */
interface NamingClient {
  ready(): Promise<void>;
  subscribe(info: { serviceName: string }, listener: (hosts: readonly { ip: string }[]) => void): void;
  getAllInstances(service: string, group: string, clusters: string, subscribe: boolean): Promise<{ ip: string }[]>;
  close(): Promise<void>;
}

const { NacosNamingClient } = nacosPackage as unknown as {
  readonly NacosNamingClient: new (options: object) => NamingClient;
};

export interface NpmConsumer {
  readonly client: NamingClient;
  /** How many instances the listener was last told of; `undefined` before the first time. */
  readonly told: () => number | undefined;
  /** Resolves, with the time on `performance.now()`, when the listener is told of `count` instances. */
  readonly toldOf: (count: number) => Promise<number>;
}

/**
 * A subscriber. `'poll'`: it keeps its UDP port to itself, so that no push reaches it, as where the server has no way to
 * the consumer's address.
 */
export async function subscribe(addr: string, service: string, how: 'push' | 'poll'): Promise<NpmConsumer> {
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const request = async (url: string, options: { method: string; headers: object; data: Record<string, string> }) => {
    const data = { ...options.data, ...(how === 'poll' && 'udpPort' in options.data ? { udpPort: '0' } : {}) };
    const headers = { 'User-Agent': 'Nacos-Java-Client:v1.0.0' };
    const response = await fetch(`${url}?${new URLSearchParams(data).toString()}`, { method: options.method, headers });
    return { status: response.status, data: await response.text() };
  };
  const client = new NacosNamingClient({ logger, serverList: new URL(addr).host, httpclient: { request } });
  await client.ready();
  let last: number | undefined;
  const waiting = new Set<(at: number) => void>();
  client.subscribe({ serviceName: service }, (hosts) => {
    last = hosts.length;
    const at = performance.now();
    for (const look of waiting) look(at);
  });
  return {
    client,
    told: () => last,
    toldOf: (count) =>
      new Promise((resolve) => {
        waiting.add((at) => {
          if (last === count) resolve(at);
        });
      }),
  };
}
