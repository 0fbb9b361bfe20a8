import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { RegistryError } from '@prestop/core';

/**
 * What we use of npm `consul` 2.x, described here because its own types lack the half: `ctx`, `timeout`, `consistent`,
 * TLS. Functions that begin with `_` are public, see the README of `papi`, its HTTP client.
 */
export interface ConsulClient {
  readonly agent: {
    self(options: ClientCall): Promise<unknown>;
    readonly service: {
      list(options: ClientCall & { filter: string }): Promise<unknown>;
      register(options: ClientCall & ServiceRegistration): Promise<void>;
      deregister(options: ClientCall & { id: string }): Promise<void>;
      maintenance(options: ClientCall & { id: string; enable: boolean; reason?: string }): Promise<void>;
    };
    readonly check: { pass(options: ClientCall & { id: string }): Promise<void> };
  };
  readonly health: {
    service(options: ClientCall & { service: string; consistent: boolean }): Promise<unknown>;
  };
  /** Runs before every request is put together. */
  _ext(event: 'onCreate', extension: (request: ClientRequest, next: () => void) => void): void;
  /** Destroys its HTTP agent and so all its sockets. */
  destroy(): void;
}

export interface ClientCall {
  readonly ctx: ClientContext;
  /** Limit for the whole request, in milliseconds; without it there is none. */
  readonly timeout: number;
  readonly token?: string;
}

/** The client has no `AbortSignal`: it listens for `cancel` on this, and looks at `canceled` before it sends. */
export interface ClientContext extends EventEmitter {
  canceled?: boolean;
  /** Makes a call resolve to `[response, body]`. */
  includeResponse?: boolean;
}

/** A request that has not been sent yet. */
export interface ClientRequest {
  readonly opts: {
    readonly name?: string;
    query?: Record<string, unknown>;
    body?: Record<string, unknown>;
  };
}

export interface ServiceRegistration {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** In Consul's terms, which the client translates. */
  readonly check: Readonly<Record<string, string | boolean>>;
}

interface ClientOptions {
  readonly baseUrl: string;
  readonly socketPath?: string;
  readonly ca?: unknown;
  readonly cert?: unknown;
  readonly key?: unknown;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export type ConsulClientClass = new (options: ClientOptions) => ConsulClient;

const INSTALL = 'npm install consul@2';

/**
 * The class that npm `consul` exports. Loaded when it is needed and not at import, so that an adapter beside this one
 * needs no Consul. An application that is bundled must leave `consul` out of the bundle ("external") and install it.
 *
 * @throws RegistryError `unsupported` when the package is not installed or is not version 2.
 */
export function loadClientClass(
  registry: string,
  load: (id: string) => unknown = createRequire(import.meta.url),
): ConsulClientClass {
  const { version } = loadPackage(registry, load, 'consul/package.json') as { version?: string };
  if (version === undefined || !version.startsWith('2.')) {
    const message = `it works with version 2 of the npm package "consul", and ${version} is installed: ${INSTALL}`;
    throw new RegistryError(registry, 'unsupported', message);
  }
  return loadPackage(registry, load, 'consul') as ConsulClientClass;
}

function loadPackage(registry: string, load: (id: string) => unknown, id: string): unknown {
  try {
    return load(id);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded (${message})`;
    const text = `the npm package "consul", which @prestop/registry-adapters/consul is built on, ${why}: ${INSTALL}`;
    throw new RegistryError(registry, 'unsupported', text, { cause });
  }
}
