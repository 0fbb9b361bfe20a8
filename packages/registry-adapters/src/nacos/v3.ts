import type { BeatAnswer, Listed, NacosApi } from './api.ts';
import type { Answer, Failures } from './failures.ts';
import type { Params } from './http.ts';
import { listedOf, parseJson } from './json.ts';
import type { Instance } from './options.ts';
import type { Session, SessionRequest } from './session.ts';

const V3_INSTANCE = '/nacos/v3/client/ns/instance';

/** `ErrorCode.INSTANCE_NOT_FOUND` of Nacos. */
const UNKNOWN_INSTANCE = 21_003;

/**
 * The v3 client API: Nacos 3.0 and later, the only one of 3.2. Registering and renewing are one path, told apart by
 * `heartBeat`; a renewal never makes an instance.
 *
 * Source: https://nacos.io/docs/v3.2/manual/user/open-api/ and `InstanceOpenApiController` of the server.
 */
export class V3Api implements NacosApi {
  readonly #session: Session;
  readonly #failures: Failures;
  readonly #instance: Instance;

  constructor(session: Session, failures: Failures, instance: Instance) {
    this.#session = session;
    this.#failures = failures;
    this.#instance = instance;
  }

  async register(server: string, signal: AbortSignal): Promise<void> {
    const { weight, metadata } = this.#instance;
    const form = {
      ...identity(this.#instance),
      weight: String(weight),
      enabled: 'true',
      healthy: 'true',
      metadata: JSON.stringify(metadata),
      heartBeat: 'false',
    };
    await this.#done({ what: 'register', api: 'v3', method: 'POST', path: V3_INSTANCE, form }, server, signal);
  }

  async deregister(server: string, signal: AbortSignal): Promise<void> {
    const query = identity(this.#instance);
    await this.#done({ what: 'deregister', api: 'v3', method: 'DELETE', path: V3_INSTANCE, query }, server, signal);
  }

  async beat(server: string, signal: AbortSignal): Promise<BeatAnswer> {
    const form = { ...identity(this.#instance), heartBeat: 'true' };
    const request = { what: 'heartbeat', api: 'v3', method: 'POST', path: V3_INSTANCE, form } as const;
    const { code, answer } = await this.#send(request, server, signal);
    if (code !== 0 && code !== UNKNOWN_INSTANCE) throw this.#failures.coded(request.what, answer, code);
    return { known: code === 0 };
  }

  async list(server: string, signal: AbortSignal): Promise<readonly Listed[]> {
    const request = listRequestV3(this.#instance);
    const { answer, data } = await this.#done(request, server, signal);
    const listed = listedOf(data);
    if (listed === undefined) throw this.#failures.notNacos(request.what, answer);
    return listed;
  }

  async #done(request: SessionRequest, server: string, signal: AbortSignal): Promise<Coded> {
    const coded = await this.#send(request, server, signal);
    if (coded.code !== 0) throw this.#failures.coded(request.what, coded.answer, coded.code);
    return coded;
  }

  async #send(request: SessionRequest, server: string, signal: AbortSignal): Promise<Coded> {
    const answer = await this.#session.send(server, request, signal);
    const { code, data } = parseJson(answer.body) ?? {};
    if (answer.status !== 200) throw this.#failures.refused(request.what, answer, 'v3');
    if (typeof code !== 'number') throw this.#failures.notNacos(request.what, answer);
    return { code, data, answer };
  }
}

/** The envelope of every v3 answer. */
interface Coded {
  readonly code: number;
  readonly data: unknown;
  readonly answer: Answer;
}

export function listRequestV3({ namespaceId, group, service }: Instance): SessionRequest {
  const query = { namespaceId, groupName: group, serviceName: service };
  return { what: 'list', api: 'v3', method: 'GET', path: `${V3_INSTANCE}/list`, query };
}

function identity({ namespaceId, group, service, cluster, ip, port, ephemeral }: Instance): Params {
  return {
    namespaceId,
    groupName: group,
    serviceName: service,
    clusterName: cluster,
    ip,
    port: String(port),
    ephemeral: String(ephemeral),
  };
}
