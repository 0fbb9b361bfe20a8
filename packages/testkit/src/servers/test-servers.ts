import { ADDRESS_VARIABLE, type ServerName, type Unavailable } from './availability.ts';
import { type ConsulBinary, ensureConsulBinary, ensureNacosClasspath, type NacosClasspath } from './build.ts';
import { startConsul } from './consul.ts';
import { expectOk } from './http.ts';
import { startNacos } from './nacos.ts';
import { type Progress, stderrProgress } from './progress.ts';

/** A server that runs already and was named in the environment. */
export interface ServerAddress {
  readonly available: true;
  readonly origin: 'environment';
  /** `http://host:port` or `https://host:port`. */
  readonly addr: string;
}

/** A server for the tests of one run. */
export interface TestServer {
  readonly available: true;
  readonly origin: 'environment' | 'cache' | 'build';
  readonly addr: string;
  /** Ends it; a server of the environment stays. */
  stop(): Promise<void>;
}

/** A path that answers when the server is up, for every supported version. */
const HEALTH_PATH: Readonly<Record<ServerName, string>> = {
  Consul: '/v1/status/leader',
  Nacos: '/nacos/v1/ns/operator/metrics',
};

/**
 * Where the tests' Consul comes from: the address in `PRESTOP_TEST_CONSUL_ADDR`, else the cache, else a build.
 *
 * @throws Error when the variable does not hold the address of a server that answers.
 */
export async function resolveConsul(
  progress: Progress = stderrProgress,
): Promise<ServerAddress | ConsulBinary | Unavailable> {
  return (await fromEnvironment('Consul')) ?? ensureConsulBinary(progress);
}

/**
 * Where the tests' Nacos comes from: the address in `PRESTOP_TEST_NACOS_ADDR`, else the cache, else a build.
 *
 * @throws Error when the variable does not hold the address of a server that answers.
 */
export async function resolveNacos(
  progress: Progress = stderrProgress,
): Promise<ServerAddress | NacosClasspath | Unavailable> {
  return (await fromEnvironment('Nacos')) ?? ensureNacosClasspath(progress);
}

/** The Consul of {@link resolveConsul}, started unless it runs already: in memory, without ACLs. */
export async function openConsul(progress?: Progress): Promise<TestServer | Unavailable> {
  const found = await resolveConsul(progress);
  if (!found.available) return found;
  return found.origin === 'environment' ? running(found) : started(found, await startConsul(found));
}

/** The Nacos of {@link resolveNacos}, started unless it runs already: without auth. */
export async function openNacos(progress?: Progress): Promise<TestServer | Unavailable> {
  const found = await resolveNacos(progress);
  if (!found.available) return found;
  return found.origin === 'environment' ? running(found) : started(found, await startNacos(found));
}

function running({ origin, addr }: ServerAddress): TestServer {
  return { available: true, origin, addr, stop: async () => undefined };
}

function started(
  { origin }: Pick<TestServer, 'origin'>,
  server: { readonly addr: string; stop(): Promise<void> },
): TestServer {
  return { available: true, origin, addr: server.addr, stop: () => server.stop() };
}

async function fromEnvironment(server: ServerName): Promise<ServerAddress | undefined> {
  const variable = ADDRESS_VARIABLE[server];
  const given = process.env[variable];
  if (given === undefined || given === '') return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/') {
    throw new Error(`${variable} must be http://host:port or https://host:port, without a path; it is "${given}"`);
  }
  const addr = url.origin;
  try {
    await expectOk(`${addr}${HEALTH_PATH[server]}`);
  } catch (cause) {
    throw new Error(`${variable}: no ${server} answers at ${addr}: ${(cause as Error).message}`, { cause });
  }
  return { available: true, origin: 'environment', addr };
}
