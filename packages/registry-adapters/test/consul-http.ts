/** A consumer's own eyes: Consul's HTTP API, without the client that the adapter uses. */
export interface ConsulEyes {
  /** Of all instances of a service, healthy or not, as the leader knows them: their ids. */
  ids(service: string): Promise<readonly string[]>;
  /** Of those that pass all checks. */
  passingIds(service: string): Promise<readonly string[]>;
  /** @throws Error when it is not answered with 2xx. */
  get(path: string): Promise<unknown>;
  put(path: string, body?: unknown): Promise<void>;
}

interface Entry {
  readonly Service: { readonly ID: string };
}

export function consulEyes(addr: string, token?: string): ConsulEyes {
  const request = async (method: string, path: string, body?: unknown): Promise<string> => {
    const response = await fetch(`${addr}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(token === undefined ? {} : { headers: { 'X-Consul-Token': token } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  };
  const get = async (path: string): Promise<unknown> => JSON.parse(await request('GET', path));
  const ids = async (path: string): Promise<readonly string[]> =>
    ((await get(path)) as readonly Entry[]).map(({ Service: { ID } }) => ID);
  return {
    ids: (service) => ids(`/v1/health/service/${service}?consistent=1`),
    passingIds: (service) => ids(`/v1/health/service/${service}?consistent=1&passing=1`),
    get,
    put: async (path, body) => {
      await request('PUT', path, body);
    },
  };
}
