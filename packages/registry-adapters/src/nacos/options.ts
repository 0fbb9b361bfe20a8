import { optionRules, type RegistryError } from '@prestop/core';
import { instanceHost, instancePort, registryName, requireOptions, settleMs } from '../instance-rules.ts';
import { localAddress } from '../local-address.ts';
import { parseServerList } from './server-list.ts';
import { nacosSettleMs } from './settle.ts';

/** Which of Nacos' HTTP APIs to speak. */
export type NacosApiName = 'v1' | 'v3';

export interface NacosOptions {
  /**
   * The servers: `host`, `host:port` (default 8848) or `https://host:port`, in a list or separated by commas. Name every
   * server of the cluster: the instance counts as gone only when they all say so.
   */
  readonly serverList: string | readonly string[];
  /** Name of the service, without the group: no blanks, no `@@`. */
  readonly name: string;
  /** Port on which callers reach this instance, 1 to 65535. */
  readonly port: number;
  /**
   * IP address or host name at which callers reach this instance. Default: this machine's first address that is not
   * internal (IPv4 before IPv6), else `127.0.0.1`. On a machine with several networks, say it.
   */
  readonly ip?: string;
  /**
   * Id of the namespace, not its name. Default `public`. Nacos takes an id that does not exist without a word, and
   * nobody looks there.
   */
  readonly namespaceId?: string;
  /** Default `DEFAULT_GROUP`. */
  readonly group?: string;
  /** Default `DEFAULT`. */
  readonly cluster?: string;
  /**
   * Whether the registration lives on heartbeats (the server removes it 30 s after the last one) or stays until it is
   * removed. Default `true`. All instances of one service must agree; the server refuses the odd one.
   */
  readonly ephemeral?: boolean;
  /** Share of the calls relative to the other instances, 0 to 10,000; 0 is none. Default 1. */
  readonly weight?: number;
  /**
   * Strings that consumers see. Default: none. `preserved.heart.beat.interval`, `preserved.heart.beat.timeout` and
   * `preserved.ip.delete.timeout` (milliseconds) are Nacos' own: they set the times of this instance.
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /** User name for a server with auth. Given with `password`; they buy a token once and are never part of a URL. */
  readonly username?: string;
  readonly password?: string;
  /**
   * Access key of Alibaba Cloud's MSE, given with `secretKey`, which signs every request and is never sent. The
   * environment (`ALIBABA_CLOUD_ACCESS_KEY_ID`) is not read.
   */
  readonly accessKey?: string;
  readonly secretKey?: string;
  /** Security token (STS) that belongs to `accessKey`. */
  readonly securityToken?: string;
  /**
   * The HTTP API: `v1` for servers up to 3.1, `v3` for servers from 3.0, `auto` to ask the server at the first call and
   * again when it has changed. Default `auto`. `v1` needs the npm package `nacos`.
   */
  readonly api?: NacosApiName | 'auto';
  /** Longest wait for one answer of one server, in milliseconds, 50 to 60,000. Default 1,500. */
  readonly requestTimeoutMs?: number;
  /**
   * Time between two heartbeats, in milliseconds, 50 to 10,000. Default: what the metadata or the server say, else
   * Nacos' own 5,000. Must be below `preserved.heart.beat.timeout`.
   */
  readonly heartbeatMs?: number;
  /**
   * Told of every heartbeat that failed, while the next is already planned, a second later at most. Default: a process
   * warning (`PRESTOP_HEARTBEAT`) at the first failure of a series. The server calls the instance unhealthy 15 s after
   * the last heartbeat and drops it after 30 s.
   */
  readonly onHeartbeatError?: (error: RegistryError) => void;
  /**
   * How long a consumer may go on calling after the servers say gone, in milliseconds; see `nacosSettleMs` for how
   * consumers find instances. Default `nacosSettleMs.poll`, 11,000: whether a push reaches a consumer cannot be known
   * here. With consumers that speak gRPC alone (Java from 2.0), `nacosSettleMs.push`.
   */
  readonly settleMs?: number;
  /** Name in logs, metrics and reports, unique within one lifecycle. Default `nacos`. */
  readonly registryName?: string;
}

/** The instance as Nacos identifies it. */
export interface Instance {
  readonly service: string;
  readonly group: string;
  readonly namespaceId: string;
  readonly cluster: string;
  readonly ip: string;
  readonly port: number;
  readonly ephemeral: boolean;
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'login'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'access-key';
      readonly accessKey: string;
      readonly secretKey: string;
      readonly securityToken: string | undefined;
    };

/** The options, checked and with their defaults. */
export interface NacosSettings {
  readonly registryName: string;
  /** Origins: `http://10.0.0.5:8848`. */
  readonly servers: readonly string[];
  readonly instance: Instance;
  readonly credentials: Credentials;
  readonly api: NacosApiName | 'auto';
  readonly requestTimeoutMs: number;
  /** `undefined`: the server may say it. */
  readonly heartbeatMs: number | undefined;
  readonly onHeartbeatError: ((error: RegistryError) => void) | undefined;
  readonly settleMs: number;
}

const OWNER = 'nacos';

/** Names that the server's own check lets through; it answers 400 to others (ParamCheckRule of Nacos 2.4 and 3.x). */
const RULES: optionRules.OptionRules<NacosOptions> = {
  serverList: optionRules.either(optionRules.text('a server list'), optionRules.listOf(optionRules.text(), 1)),
  name: optionRules.text(
    'a service name: up to 512 characters, no blanks, no "@@", not beginning with "@"; the group is an option of its own',
    /^(?!@)(?!.*@@)[^\s\u4e00-\u9fa5]{1,512}$/,
  ),
  port: instancePort,
  ip: instanceHost,
  namespaceId: optionRules.text('a namespace id: up to 64 letters, digits, "_" and "-"', /^[\w-]{1,64}$/),
  group: optionRules.text('a group name: up to 128 letters, digits, ".", ":", "_" and "-"', /^[\w.:-]{1,128}$/),
  cluster: optionRules.text('a cluster name: up to 64 letters, digits and "-"', /^[a-zA-Z0-9-]{1,64}$/),
  ephemeral: optionRules.flag,
  weight: optionRules.number('weight', 0, 10_000),
  metadata: {
    rule: 'an object of strings',
    holds: (value) =>
      optionRules.optionsObject.holds(value) &&
      Object.values(value as object).every((content) => typeof content === 'string'),
  },
  username: optionRules.text(),
  password: optionRules.secret(optionRules.text()),
  accessKey: optionRules.secret(optionRules.text()),
  secretKey: optionRules.secret(optionRules.text()),
  securityToken: optionRules.secret(optionRules.text()),
  api: optionRules.oneOf('auto', 'v1', 'v3'),
  requestTimeoutMs: optionRules.integer('milliseconds', 50, 60_000),
  heartbeatMs: optionRules.integer('milliseconds', 50, 10_000),
  onHeartbeatError: optionRules.callback,
  settleMs,
  registryName,
};

/** @throws LifecycleError for an option that does not hold, alone or beside another. */
export function checkNacosOptions(options: NacosOptions): NacosSettings {
  optionRules.checkOptions<NacosOptions>(OWNER, options, RULES);
  requireOptions(OWNER, options, RULES, 'serverList', 'name', 'port');
  const metadata = { ...options.metadata };
  const { heartbeatMs } = options;
  const timeoutMs = Number(metadata['preserved.heart.beat.timeout']);
  if (heartbeatMs !== undefined && heartbeatMs >= timeoutMs) {
    const rule = `it must be below the metadata's preserved.heart.beat.timeout (${timeoutMs})`;
    throw optionRules.conflictingOptions(OWNER, 'heartbeatMs', rule, heartbeatMs);
  }
  return {
    registryName: options.registryName ?? 'nacos',
    servers: parseServerList(OWNER, options.serverList),
    instance: {
      service: options.name,
      group: options.group ?? 'DEFAULT_GROUP',
      namespaceId: options.namespaceId ?? 'public',
      cluster: options.cluster ?? 'DEFAULT',
      ip: options.ip ?? localAddress(),
      port: options.port,
      ephemeral: options.ephemeral ?? true,
      weight: options.weight ?? 1,
      metadata,
    },
    credentials: credentialsOf(options),
    api: options.api ?? 'auto',
    requestTimeoutMs: options.requestTimeoutMs ?? 1_500,
    heartbeatMs,
    onHeartbeatError: options.onHeartbeatError,
    settleMs: options.settleMs ?? nacosSettleMs.poll,
  };
}

function credentialsOf(options: NacosOptions): Credentials {
  const { username, password, accessKey, secretKey, securityToken } = options;
  belongsTo(options, 'password', 'username');
  belongsTo(options, 'username', 'password');
  belongsTo(options, 'secretKey', 'accessKey');
  belongsTo(options, 'accessKey', 'secretKey');
  belongsTo(options, 'securityToken', 'accessKey');
  if (username !== undefined && accessKey !== undefined) {
    throw optionRules.conflictingOptions(OWNER, 'username', 'it cannot be combined with "accessKey"', username);
  }
  if (username !== undefined && password !== undefined) return { kind: 'login', username, password };
  if (accessKey !== undefined && secretKey !== undefined) {
    return { kind: 'access-key', accessKey, secretKey, securityToken };
  }
  return { kind: 'none' };
}

/** The values are not shown: four of the five options are secret. */
function belongsTo(options: NacosOptions, option: keyof NacosOptions, other: keyof NacosOptions): void {
  if (options[option] === undefined || options[other] !== undefined) return;
  throw optionRules.conflictingOptions(OWNER, option, `it needs "${other}" beside it`, undefined);
}
