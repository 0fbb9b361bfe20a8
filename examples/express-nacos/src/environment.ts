import { nacosSettleMs } from '@prestop/registry-adapters/nacos';
import { type Environment, readEnvironment } from '@prestop-examples/order-service';

export interface NacosEnvironment extends Environment {
  readonly serviceName: string;
  /** Every server of the cluster, `host:port,host:port`: the instance is gone when they all say so. */
  readonly serverList: string;
  /** The id of a namespace, not its name. */
  readonly namespaceId: string;
  /** Where the server has auth. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** How late the most stale caller learns of a removal, in milliseconds: those of Nacos, or others in front of it. */
  readonly floorMs: number;
}

/** @throws Error when only one of user name and password is there. */
export function readNacosEnvironment(env: NodeJS.ProcessEnv = process.env): NacosEnvironment {
  return {
    ...readEnvironment(env),
    serviceName: env['SERVICE_NAME'] ?? 'orders',
    serverList: env['NACOS_SERVER_ADDR'] ?? '127.0.0.1:8848',
    namespaceId: env['NACOS_NAMESPACE'] ?? 'public',
    login: loginOf(env['NACOS_USERNAME'], env['NACOS_PASSWORD']),
    floorMs: Number(env['FLOOR_MS'] ?? nacosSettleMs.push),
  };
}

function loginOf(username: string | undefined, password: string | undefined): NacosEnvironment['login'] {
  if (username === undefined && password === undefined) return undefined;
  if (!username || !password) throw new Error('NACOS_USERNAME and NACOS_PASSWORD belong together');
  return { username, password };
}
