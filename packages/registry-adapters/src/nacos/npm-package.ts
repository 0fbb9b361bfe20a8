import { createRequire } from 'node:module';
import type { Failures } from './failures.ts';

/** What we use of npm `nacos` 2.6, described here because its own types lack `metadata` and `close`. */
export interface NpmClient {
  registerInstance(service: string, instance: NpmInstance, group: string): Promise<unknown>;
  deregisterInstance(service: string, instance: NpmInstance, group: string): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface NpmInstance {
  readonly ip: string;
  readonly port: number;
  readonly clusterName: string;
  readonly ephemeral: boolean;
  /** As text: the client takes the number 0 for "not given" and makes it 1. */
  readonly weight: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export type NpmClientClass = new (options: Readonly<Record<string, unknown>>) => NpmClient;

const INSTALL = 'npm install nacos@^2.6.3';

/**
 * The class that npm `nacos` exports. Loaded when it is needed and not at import: a user of the v3 API does without. An
 * application that is bundled must leave `nacos` out of the bundle ("external") and install it.
 *
 * @throws RegistryError `unsupported` when the package is not installed or is not version 2.
 */
export function loadNpmClient(
  failures: Failures,
  load: (id: string) => unknown = createRequire(import.meta.url),
): NpmClientClass {
  const { version } = loadPackage(failures, load, 'nacos/package.json') as { readonly version?: string };
  if (version === undefined || !version.startsWith('2.')) {
    const message = `the v1 API goes through version 2 of the npm package "nacos", and ${version} is installed: ${INSTALL}`;
    throw failures.error('unsupported', message);
  }
  const { NacosNamingClient } = loadPackage(failures, load, 'nacos') as { readonly NacosNamingClient: NpmClientClass };
  return NacosNamingClient;
}

function loadPackage(failures: Failures, load: (id: string) => unknown, id: string): unknown {
  try {
    return load(id);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded (${message})`;
    throw failures.error(
      'unsupported',
      `the npm package "nacos", which the v1 API of Nacos goes through, ${why}: ${INSTALL}`,
      cause,
    );
  }
}
