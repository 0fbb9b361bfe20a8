import { setTimeout as pause } from 'node:timers/promises';

/** A consumer of Consul as its own clients are: it always has one blocking query open, and keeps the last answer. */
export interface ConsulConsumer {
  /** Instances that pass their checks, as `host:port`. */
  readonly discover: () => Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface Entry {
  readonly Service: { readonly Address: string; readonly Port: number };
}

const RETRY_MS = 100;

export function watchConsul(addr: string, service: string): ConsulConsumer {
  const stopping = new AbortController();
  let listed: readonly string[] = [];

  const watch = async (): Promise<void> => {
    let index = '0';
    while (!stopping.signal.aborted) {
      try {
        const url = `${addr}/v1/health/service/${service}?passing=1&wait=30s&index=${index}`;
        const response = await fetch(url, { signal: stopping.signal });
        if (!response.ok) throw new Error(`${response.status}`);
        index = response.headers.get('x-consul-index') ?? '0';
        const entries = (await response.json()) as readonly Entry[];
        listed = entries.map(({ Service: { Address, Port } }) => `${Address}:${Port}`);
      } catch {
        await pause(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };

  const watching = watch();
  return {
    discover: async () => listed,
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}
