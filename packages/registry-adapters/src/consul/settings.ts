import { type ConsulAddress, parseAddress } from './address.ts';
import { fromEnvironment } from './environment.ts';
import type { ConsulOptions } from './options.ts';

/** What it takes to talk to an agent, gathered from the options and, where asked to, the environment. */
export interface ConnectionSettings
  extends Pick<ConsulOptions, 'token' | 'tokenFile' | 'tls' | 'namespace' | 'partition' | 'weights'> {
  readonly address: ConsulAddress;
  readonly requestTimeoutMs: number;
}

const URL = 'http://127.0.0.1:8500';
/** Below the 2 s that core grants one call, so that the error is ours and says what was asked and of whom. */
const REQUEST_TIMEOUT_MS = 1_500;

/** @throws LifecycleError that names the option or the variable (`env.CONSUL_HTTP_ADDR`). */
export function settingsOf(options: ConsulOptions): ConnectionSettings {
  const { token, tokenFile, tls, namespace, partition, weights } = options;
  const given = options.env === undefined ? {} : fromEnvironment(options.env);
  // A token in the options rules out both of the environment's.
  const credentials =
    token === undefined && tokenFile === undefined
      ? { token: given.token, tokenFile: given.tokenFile }
      : { token, tokenFile };
  return {
    ...defined(credentials),
    ...defined({ tls: tls ?? given.tls }),
    ...defined({ namespace: namespace ?? given.namespace, partition: partition ?? given.partition, weights }),
    address:
      options.url === undefined && given.url !== undefined
        ? parseAddress('consul', 'env.CONSUL_HTTP_ADDR', given.url)
        : parseAddress('consul', 'url', options.url ?? URL),
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
  };
}

type Defined<Options> = { readonly [Name in keyof Options]?: Exclude<Options[Name], undefined> };

function defined<Options extends object>(options: Options): Defined<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<Options>;
}
