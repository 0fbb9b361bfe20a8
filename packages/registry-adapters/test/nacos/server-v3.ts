import type { Answering, Reply } from './fixture.ts';
import { notFound } from './server-v1.ts';

export const V3 = {
  announce: 'POST /nacos/v3/client/ns/instance',
  deregister: 'DELETE /nacos/v3/client/ns/instance',
  list: 'GET /nacos/v3/client/ns/instance/list',
} as const;

/**
 * Nacos' v3 client API as its manual (https://nacos.io/docs/v3.2/manual/user/open-api/), its `InstanceOpenApiController`
 * and its own integration tests (`InstanceRegisterOpenApiITCase`, `InstanceListOpenApiITCase`) describe it. Written by
 * hand: no 3.x server could be had.
 */
export function serverV3(): Answering {
  const instances = new Map<string, object>();
  return (seen) => {
    const params = { ...seen.query, ...seen.form } as Readonly<Record<string, string>>;
    const service = `${params['namespaceId']}|${params['groupName']}@@${params['serviceName']}|`;
    const key = `${service}${params['ip']}|${params['port']}`;
    switch (`${seen.method} ${seen.path}`) {
      case V3.announce:
        if (params['heartBeat'] === 'true') {
          return instances.has(key) ? ok('ok') : { body: { code: 21_003, message: 'instance not found', data: null } };
        }
        instances.set(key, instanceOf(params));
        return ok('ok');
      case V3.deregister:
        instances.delete(key);
        return ok('ok');
      case V3.list:
        return ok([...instances].filter(([name]) => name.startsWith(service)).map(([, instance]) => instance));
      default:
        return notFound(seen);
    }
  };
}

function ok(data: unknown): Reply {
  return { body: { code: 0, message: 'success', data } };
}

function instanceOf(params: Readonly<Record<string, string>>): object {
  return {
    ip: params['ip'],
    port: Number(params['port']),
    weight: Number(params['weight']),
    healthy: params['healthy'] === 'true',
    enabled: params['enabled'] === 'true',
    ephemeral: params['ephemeral'] === 'true',
    clusterName: params['clusterName'],
    serviceName: `${params['groupName']}@@${params['serviceName']}`,
    metadata: JSON.parse(params['metadata'] ?? '{}'),
    ipDeleteTimeout: 30_000,
    instanceIdGenerator: 'simple',
    instanceHeartBeatInterval: 5_000,
    instanceHeartBeatTimeOut: 15_000,
  };
}
