import { isRegistryError, type RegistryAdapter, type RegistryError, type Sighting } from '@prestop/core';
import { type ConsulAdapter, type ConsulOptions, consul } from '@prestop/registry-adapters/consul';
import {
  type ConsulServer,
  ensureConsulBinary,
  mustSkip,
  type ConsulOptions as ServerOptions,
  startConsul,
} from '@prestop/testkit/servers';
import { afterEach } from 'vitest';
import { eventually } from './eventually.ts';

/**
 * The Consul that tests start, freeze and kill as they like; for `describe.skipIf(binary === undefined)`.
 *
 * @param tests What does not run without it, with a count, for the message.
 */
export async function consulBinary(tests: string): Promise<string | undefined> {
  const found = await ensureConsulBinary();
  return mustSkip(found, tests) ? undefined : found.binary;
}

export interface ConsulLab {
  readonly start: (options?: Omit<ServerOptions, 'binary'>) => Promise<ConsulServer>;
  /** An adapter for the instance `orders-1`, which is at 127.0.0.1:3000. */
  readonly adapter: (server: { readonly addr: string }, options?: Partial<ConsulOptions>) => ConsulAdapter;
}

/** Servers and adapters that end with the test that made them. Call it inside `describe`. */
export function consulLab(binary: string | undefined): ConsulLab {
  const adapters: RegistryAdapter[] = [];
  const servers: ConsulServer[] = [];
  afterEach(async () => {
    await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });
  return {
    async start(options = {}) {
      const server = await startConsul({ binary: binary ?? '', ...options });
      servers.push(server);
      return server;
    },
    adapter({ addr }, options = {}) {
      const adapter = consul({
        url: addr,
        name: 'orders',
        port: 3000,
        address: '127.0.0.1',
        id: 'orders-1',
        onHeartbeatError: () => undefined,
        ...options,
      });
      adapters.push(adapter);
      return adapter;
    },
  };
}

export function call(ms = 10_000): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

/** The error with which `promise` rejects. */
export async function failure(promise: Promise<unknown>): Promise<RegistryError> {
  try {
    await promise;
  } catch (error) {
    if (isRegistryError(error)) return error;
    throw error;
  }
  throw new Error('it was expected to reject');
}

export function shows(adapter: RegistryAdapter, sighting: Sighting, withinMs = 5_000): Promise<void> {
  return eventually(() => adapter.check(call()), sighting, withinMs);
}
