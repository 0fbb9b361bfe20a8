import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSignedCertificate } from '@prestop/testkit';
import {
  ensureConsulBinary,
  ensureNacosClasspath,
  type NacosOptions,
  type NacosServer,
  startConsul,
  startNacos,
} from '@prestop/testkit/servers';
import { watchConsul } from '../../../examples/express-consul/test/consumer.ts';
import { subscribeNacos } from '../../../examples/express-nacos/test/consumer.ts';
import { kubectl } from './kubectl.ts';

/** A registry that the pods reach, and its callers' view of it. */
export interface Registry {
  /** Where it answers, `http://host:port`, from the pods as from here. */
  readonly addr: string;
  watch(service: string): Promise<{ readonly discover: () => Promise<readonly string[]>; stop(): Promise<void> }>;
  stop(): Promise<void>;
}

/** Where the node is reached from its pods, and from here. */
export function nodeAddress(): Promise<string> {
  const address = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  return kubectl(['get', 'nodes', '-o', `jsonpath=${address}`]);
}

/**
 * The Consul agent of the node on its usual port, where the manifest looks for it; or the one that
 * `PRESTOP_TEST_CONSUL_ADDR` names.
 *
 * @param nodeIp the address of the node, on which this process runs.
 */
export async function consulOnNode(nodeIp: string): Promise<Registry> {
  const given = process.env['PRESTOP_TEST_CONSUL_ADDR'];
  const watch = (addr: string) => async (service: string) => watchConsul(addr, service);
  if (given) return { addr: given, watch: watch(given), stop: async () => undefined };
  const found = await ensureConsulBinary();
  if (!found.available) throw new Error(`Consul: ${found.why}: ${found.how}`);
  const server = await startConsul({ binary: found.binary, port: 8500, config: { client_addr: '0.0.0.0' } });
  const addr = `http://${nodeIp}:8500`;
  return { addr, watch: watch(addr), stop: () => server.stop() };
}

/** The Consul agent of the node with ACLs and TLS, on the port where the manifest looks for it. */
export interface GuardedConsul {
  /** What its certificate is checked with, PEM. */
  readonly authority: string;
  /** With the rights that the manifest names. */
  readonly token: string;
  readonly stop: () => Promise<void>;
}

export async function guardedConsulOnNode(nodeIp: string): Promise<GuardedConsul> {
  const found = await ensureConsulBinary();
  if (!found.available) throw new Error(`Consul: ${found.why}: ${found.how}`);
  const folder = mkdtempSync(join(tmpdir(), 'prestop-consul-'));
  const { cert, key } = selfSignedCertificate({ addresses: [nodeIp] });
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  const server = await startConsul({
    binary: found.binary,
    port: 8501,
    acl: 'deny',
    tls: { certFile, keyFile, caFile: certFile },
    config: { client_addr: '0.0.0.0' },
  });
  const rules = 'service "orders" { policy = "write" } node_prefix "" { policy = "read" }';
  return {
    authority: cert,
    token: await server.createToken('orders', rules),
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A Nacos on the node with its login switched on. */
export interface GuardedNacos {
  /** `host:port` */
  readonly serverAddr: string;
  readonly username: string;
  readonly password: string;
  readonly stop: () => Promise<void>;
}

export async function guardedNacosOnNode(nodeIp: string): Promise<GuardedNacos> {
  const server = await nacos({ auth: 'on' });
  const { username = '', password = '' } = server;
  return { serverAddr: `${nodeIp}:8848`, username, password, stop: () => server.stop() };
}

/** A Nacos on the node; or the one that `PRESTOP_TEST_NACOS_ADDR` names. */
export async function nacosOnNode(nodeIp: string): Promise<Registry> {
  const given = process.env['PRESTOP_TEST_NACOS_ADDR'];
  const watch = (addr: string) => (service: string) => subscribeNacos(addr, service);
  if (given) return { addr: given, watch: watch(given), stop: async () => undefined };
  const server = await nacos({});
  const addr = `http://${nodeIp}:8848`;
  return { addr, watch: watch(addr), stop: () => server.stop() };
}

async function nacos(options: Pick<NacosOptions, 'auth'>): Promise<NacosServer> {
  const found = await ensureNacosClasspath();
  if (!found.available) throw new Error(`Nacos: ${found.why}: ${found.how}`);
  const { classpath } = found;
  return startNacos({ classpath, port: 8848, properties: { 'server.address': '0.0.0.0' }, ...options });
}
