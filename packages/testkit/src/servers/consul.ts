import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkOption } from '../errors.ts';
import { freePortGroup } from '../free-port.ts';
import { expectOk, type HttpOptions, http } from './http.ts';
import { createServerFolder } from './server-folder.ts';
import { type ServerControls, startServerProcess } from './server-process.ts';

export interface ConsulOptions {
  /** Path of the executable, from `ensureConsulBinary()`. */
  readonly binary: string;
  /** Name of the node, unique in its cluster. Default: `node-` and the HTTP port. */
  readonly node?: string;
  /**
   * `memory` (default): a dev server, ready in a quarter of a second, that forgets everything in `down()`.
   * `disk`: keeps the catalog, the agent's services and the tokens over `down()` and `up()`; ready in two or three seconds.
   */
  readonly storage?: 'memory' | 'disk';
  /**
   * Makes this a client agent of that server, with its ACL setting. Services registered here belong to this agent; the
   * server's catalog learns of them by the agent's synchronisation. Its storage is always `disk`.
   */
  readonly join?: ConsulServer;
  /** `deny`: ACLs with `default_policy = "deny"` and a management token. Default `off`; with `join` it is the server's. */
  readonly acl?: 'off' | 'deny';
  /**
   * The token with which the agent itself writes to the catalog, for the case that it lacks the right. Default: the
   * management token.
   */
  readonly agentToken?: string;
  /** Serves HTTPS instead of HTTP. Default: HTTP. */
  readonly tls?: ConsulTls;
  /** The port of its HTTP API; the three after it are taken as well. Default: a free one. */
  readonly port?: number;
  /** More of the agent's configuration, merged over ours: `{ limits: { http_max_conns_per_client: 2 } }`. Default: none. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Longest time until it is ready, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
}

/** PEM files of the HTTPS listener; its certificate must be valid for 127.0.0.1. */
export interface ConsulTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** `required`: clients must show a certificate of the CA, and the listener's own must be good for that too. Default `none`. */
  readonly clientCertificate?: 'none' | 'required';
}

/** A running Consul agent; both server and client agents answer the whole HTTP API. */
export interface ConsulServer extends ServerControls {
  /** `http://127.0.0.1:port`, or `https:` with TLS. */
  readonly addr: string;
  /** DNS on 127.0.0.1, UDP and TCP. */
  readonly dnsPort: number;
  /** Where other agents join it. */
  readonly gossipAddr: string;
  readonly node: string;
  /** The management token; `undefined` without ACLs. */
  readonly token: string | undefined;
  /**
   * Makes a policy and a token with just that policy.
   *
   * @param name letters, digits, `-` and `_`; unique in the cluster.
   * @param rules in Consul's language: `service_prefix "orders" { policy = "write" }`.
   * @returns the secret to send as `X-Consul-Token`.
   * @throws Error without ACLs, or with Consul's words when it refuses.
   */
  createToken(name: string, rules: string): Promise<string>;
}

/**
 * Starts Consul on free ports of 127.0.0.1 and waits until its node is in the catalog. Does not build it.
 *
 * @throws TestkitError `ERR_TESTKIT_OPTION_INVALID` for options that contradict each other, else as `startServerProcess`.
 */
export async function startConsul(options: ConsulOptions): Promise<ConsulServer> {
  const { binary, join: server, tls, config = {}, startTimeoutMs = 30_000 } = options;
  checkTogether(options);
  const { port = await freePortGroup([0, 1, 2, 3]) } = options;
  const [dnsPort, rpcPort, gossipPort] = [port + 1, port + 2, port + 3];
  const { node = `node-${port}`, acl = server?.token === undefined ? 'off' : 'deny' } = options;
  const token = acl === 'off' ? undefined : (server?.token ?? randomUUID());
  const addr = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const gossipAddr = `127.0.0.1:${gossipPort}`;

  const folder = createServerFolder();
  const ours = {
    node_name: node,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    log_level: 'warn',
    disable_update_check: true,
    ports: {
      ...(tls === undefined ? { http: port } : { http: -1, https: port }),
      dns: dnsPort,
      server: rpcPort,
      serf_lan: gossipPort,
      serf_wan: -1,
      grpc: -1,
      grpc_tls: -1,
    },
    ...roleConfig(options, join(folder, 'data')),
    ...(token === undefined ? {} : aclConfig(token, options.agentToken ?? token)),
    ...(tls === undefined ? {} : tlsConfig(tls)),
  };
  const files = [
    ['ours.json', ours],
    ['test.json', config],
  ] as const;
  for (const [name, content] of files) writeFileSync(join(folder, name), JSON.stringify(content));

  const call = withCredentials(token, tls);
  const controls = await startServerProcess({
    server: 'Consul',
    addr,
    folder,
    command: binary,
    args: [
      'agent',
      ...(isDev(options) ? ['-dev'] : []),
      ...files.flatMap(([name]) => ['-config-file', join(folder, name)]),
    ],
    ready: async () => {
      const { status, body } = await http(`${addr}/v1/catalog/node/${node}`, call());
      return status === 200 && body.trim() !== 'null';
    },
    startTimeoutMs,
  });

  return Object.assign(controls, {
    addr,
    dnsPort,
    gossipAddr,
    node,
    token,
    async createToken(name: string, rules: string): Promise<string> {
      if (token === undefined)
        throw new Error(`Consul at ${addr}: createToken() needs ACLs; start it with acl: 'deny'`);
      const put = (body: unknown): HttpOptions => ({ ...call(), method: 'PUT', body: JSON.stringify(body) });
      await expectOk(`${addr}/v1/acl/policy`, put({ Name: name, Rules: rules }));
      const created = await expectOk(`${addr}/v1/acl/token`, put({ Description: name, Policies: [{ Name: name }] }));
      return (JSON.parse(created) as { readonly SecretID: string }).SecretID;
    },
  });
}

function checkTogether({ join: server, storage, acl, agentToken }: ConsulOptions): void {
  const joined = server !== undefined;
  checkOption(!joined || storage !== 'memory', 'startConsul', 'storage', "'disk' or left out with join", storage);
  checkOption(!joined || acl === undefined, 'startConsul', 'acl', 'left out with join', acl);
  const denies = joined ? server.token !== undefined : acl === 'deny';
  checkOption(denies || agentToken === undefined, 'startConsul', 'agentToken', "left out without acl: 'deny'", 'given');
}

function isDev({ join: server, storage = 'memory' }: ConsulOptions): boolean {
  return server === undefined && storage === 'memory';
}

function roleConfig(options: ConsulOptions, dataFolder: string): Readonly<Record<string, unknown>> {
  if (isDev(options)) return {};
  if (options.join === undefined) {
    // The fastest elections that Consul offers; the default is for slow machines and takes five times as long.
    return { server: true, bootstrap_expect: 1, data_dir: dataFolder, performance: { raft_multiplier: 1 } };
  }
  return { data_dir: dataFolder, retry_join: [options.join.gossipAddr], retry_interval: '100ms' };
}

function aclConfig(managementToken: string, agentToken: string): Readonly<Record<string, unknown>> {
  const tokens = { initial_management: managementToken, agent: agentToken };
  return { acl: { enabled: true, default_policy: 'deny', tokens } };
}

function tlsConfig(tls: ConsulTls): Readonly<Record<string, unknown>> {
  const https = {
    cert_file: tls.certFile,
    key_file: tls.keyFile,
    ca_file: tls.caFile,
    verify_incoming: tls.clientCertificate === 'required',
  };
  return { tls: { https } };
}

/** What our own calls send: the management token, and the listener's certificate as the client's. */
function withCredentials(token: string | undefined, tls: ConsulTls | undefined): () => HttpOptions {
  return () => ({
    ...(token === undefined ? {} : { headers: { 'X-Consul-Token': token } }),
    ...(tls === undefined
      ? {}
      : { tls: { ca: readFileSync(tls.caFile), cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) } }),
  });
}
