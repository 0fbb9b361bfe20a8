import { optionRules, type RegistryError } from '@prestop/core';
import {
  instanceHost,
  instanceId,
  instancePort,
  registryName,
  requireOptions,
  serviceName,
  settleMs,
} from '../instance-rules.ts';
import { type ConsulCheck, checkConsulCheck } from './check.ts';
import { TOKEN } from './secrets.ts';
import { type ConsulTls, checkTls } from './tls.ts';

export interface ConsulOptions {
  /** Name of the service: letters, digits, `.`, `_`, `-`. Only letters, digits and `-` can be looked up through DNS. */
  readonly name: string;
  /** Port on which callers reach this instance, 1 to 65535. */
  readonly port: number;
  /**
   * Host name or IP address at which callers reach this instance. Default: this machine's first address that is not
   * internal (IPv4 before IPv6), else `127.0.0.1`: the pod's own, where Consul's default is that of the agent's node.
   */
  readonly address?: string;
  /**
   * Unique on the agent; registering under an id that is taken replaces what is there. Default: name, address and port,
   * so that a restart in place takes over what a crash left behind.
   */
  readonly id?: string;
  /** Default: none. */
  readonly tags?: readonly string[];
  /** Default: none. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Weights for DNS SRV answers while all checks pass, and while one warns. Default: Consul's, 1 and 1. */
  readonly weights?: ConsulWeights;
  /** How Consul knows that the instance lives. Default `{ type: 'ttl' }`: this adapter tells it, every 5 s. */
  readonly check?: ConsulCheck;
  /**
   * Consul forgets an instance that has been critical for this long, in milliseconds: the net below a crash, never the
   * normal way. From 60,000, which is the least that Consul keeps to; it looks every 30 s. Default 60,000.
   */
  readonly deregisterCriticalAfterMs?: number;

  /**
   * The agent: `http://host:port`, `https://host:port` or `unix:///path`. It must be *one* agent, the node's own, and
   * the same for the whole life of the process: an agent knows only what was registered with it, so that an address in
   * front of several agents registers with one and asks another to deregister. Default `http://127.0.0.1:8500`.
   */
  readonly url?: string;
  /**
   * ACL token with `service:write` for `name`, and `node:read` so that the instance can see itself in the catalog.
   * Default: none.
   */
  readonly token?: string;
  /** File that holds the token; read again for every call, so that a token may be rotated. Not with `token`. */
  readonly tokenFile?: string;
  /** Default: what Node trusts, no certificate of our own. */
  readonly tls?: ConsulTls;
  /** Namespace, Consul Enterprise only; the community edition refuses it. Default: none is sent. */
  readonly namespace?: string;
  /** Admin partition, Consul Enterprise only. Default: none is sent. */
  readonly partition?: string;
  /**
   * Where to look for `CONSUL_HTTP_ADDR`, `CONSUL_HTTP_TOKEN` and the other variables of Consul's command line; an
   * option that is given here wins. Pass `process.env` to have them used. Default: none are read.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;

  /** Longest time for one request, in milliseconds, from 50 to 60,000. Default 1,500. */
  readonly requestTimeoutMs?: number;
  /**
   * How long a consumer may go on calling after Consul says gone, in milliseconds; see `consulSettleMs` for how consumers
   * look services up. Default `consulSettleMs.blockingQuery`, 1,000.
   */
  readonly settleMs?: number;
  /**
   * Told of every heartbeat that failed, while the next is already planned. Default: a process warning
   * (`PRESTOP_HEARTBEAT`) at the first failure of a series.
   */
  readonly onHeartbeatError?: (error: RegistryError) => void;
  /** Name in logs, metrics and reports, unique within one lifecycle. Default `consul`. */
  readonly registryName?: string;
}

/** For weighted DNS answers. https://developer.hashicorp.com/consul/docs/services/configuration/services-configuration-reference#weights */
export interface ConsulWeights {
  /** From 1 to 65,535. */
  readonly passing: number;
  /** From 0 to 65,535. */
  readonly warning: number;
}

/** Consul's own limit; it raises what is less without a word. */
const SHORTEST_CRITICAL_MS = 60_000;

const WEIGHT_RULES: optionRules.OptionRules<ConsulWeights> = {
  passing: optionRules.integer('shares', 1, 65_535),
  warning: optionRules.integer('shares', 0, 65_535),
};

/** Not `optionsObject`: `process.env` has a prototype of its own. */
const environment: optionRules.OptionRule = {
  rule: 'an object of environment variables, such as process.env',
  holds: (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => entry === undefined || typeof entry === 'string'),
};

const RULES: optionRules.OptionRules<ConsulOptions> = {
  name: serviceName,
  port: instancePort,
  address: instanceHost,
  id: instanceId,
  tags: optionRules.listOf(optionRules.text()),
  meta: {
    rule: 'an object of strings with at most 64 names of letters, digits, "_" and "-"',
    holds: (value) =>
      optionRules.optionsObject.holds(value) &&
      Object.keys(value as object).length <= 64 &&
      Object.entries(value as object).every(
        ([key, content]) => /^[A-Za-z0-9_-]{1,128}$/.test(key) && typeof content === 'string' && content.length <= 512,
      ),
  },
  weights: optionRules.optionsObject,
  check: optionRules.optionsObject,
  deregisterCriticalAfterMs: optionRules.integer('milliseconds', SHORTEST_CRITICAL_MS, 7 * 86_400_000),
  // Its form is checked where it is taken apart; a rule here could print the credentials in it.
  url: optionRules.secret(optionRules.text('the URL of a Consul agent')),
  token: optionRules.secret(optionRules.text('a token of printable characters, without spaces', TOKEN)),
  tokenFile: optionRules.text('the path of a file'),
  tls: optionRules.optionsObject,
  namespace: optionRules.text(),
  partition: optionRules.text(),
  env: environment,
  requestTimeoutMs: optionRules.integer('milliseconds', 50, 60_000),
  settleMs,
  onHeartbeatError: optionRules.callback,
  registryName,
};

/** @throws LifecycleError for the first option that is unknown, does not hold, is missing or conflicts with another. */
export function checkConsulOptions(options: ConsulOptions): void {
  optionRules.checkOptions<ConsulOptions>('consul', options, RULES);
  requireOptions('consul', options, RULES, 'name', 'port');
  const { weights, check, tls, token, tokenFile } = options;
  if (weights !== undefined) {
    optionRules.checkOptions<ConsulWeights>('consul', weights, WEIGHT_RULES, 'weights.');
    for (const name of ['passing', 'warning'] as const) {
      if (weights[name] !== undefined) continue;
      throw optionRules.invalidOption('consul', `weights.${name}`, WEIGHT_RULES[name].rule, undefined);
    }
  }
  if (check !== undefined) checkConsulCheck('consul', check);
  if (tls !== undefined) checkTls('consul', tls);
  if (token !== undefined && tokenFile !== undefined) {
    throw optionRules.conflictingOptions('consul', 'tokenFile', 'goes without "token"', tokenFile);
  }
}
