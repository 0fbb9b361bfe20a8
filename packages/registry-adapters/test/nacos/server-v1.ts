import type { Answering, Reply, Seen } from './fixture.ts';

export const V1 = {
  register: 'POST /nacos/v1/ns/instance',
  deregister: 'DELETE /nacos/v1/ns/instance',
  beat: 'PUT /nacos/v1/ns/instance/beat',
  list: 'GET /nacos/v1/ns/instance/list',
  login: 'POST /nacos/v1/auth/users/login',
} as const;

/** Nacos' v1 API as 2.4.3 answers it, recorded from the real server; one service per process is enough. */
export function serverV1(): Answering {
  const instances = new Map<string, object>();
  return (seen) => {
    const { query } = seen;
    const key = `${query['namespaceId']}|${query['serviceName']}|${query['ip']}|${query['port']}`;
    switch (`${seen.method} ${seen.path}`) {
      case V1.register:
        instances.set(key, { ip: query['ip'], port: Number(query['port']), weight: Number(query['weight']) });
        return { body: 'ok' };
      case V1.deregister:
        instances.delete(key);
        return { body: 'ok' };
      case V1.beat:
        return beat(instances, key, query);
      case V1.list: {
        const prefix = `${query['namespaceId']}|${query['serviceName']}|`;
        const hosts = [...instances].filter(([name]) => name.startsWith(prefix)).map(([, host]) => host);
        return { body: { name: query['serviceName'], clusters: '', cacheMillis: 10_000, hosts, valid: true } };
      }
      default:
        return notFound(seen);
    }
  };
}

function beat(instances: Map<string, object>, key: string, query: Readonly<Record<string, string>>): Reply {
  const full = query['beat'];
  if (full !== undefined) {
    // What the npm client sends: enough to make the instance again, and so it does.
    const { ip, port } = JSON.parse(full) as { ip: string; port: number };
    instances.set(`${query['namespaceId']}|${query['serviceName']}|${ip}|${port}`, { ip, port });
  }
  const known = full !== undefined || instances.has(key);
  return { body: { clientBeatInterval: 5_000, code: known ? 10_200 : 20_404, lightBeatEnabled: true } };
}

export function notFound({ path }: Seen): Reply {
  return { status: 404, body: { timestamp: '2026-11-21T06:30:23.812+00:00', status: 404, error: 'Not Found', path } };
}
