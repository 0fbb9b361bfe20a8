import type { BeatAnswer, Listed, NacosApi } from './api.ts';
import type { Answer, Failures } from './failures.ts';
import type { HttpRequest } from './http.ts';
import { listedOf, parseJson } from './json.ts';
import { loadNpmClient, type NpmClient, type NpmInstance } from './npm-package.ts';
import type { Credentials, Instance } from './options.ts';
import type { Session, SessionRequest } from './session.ts';
import { callNpmClient } from './v1-npm-client.ts';

const V1_INSTANCE = '/nacos/v1/ns/instance';

/** `NamingResponseCode.RESOURCE_NOT_FOUND` of Nacos. */
const UNKNOWN_INSTANCE = 20_404;

/**
 * The v1 API: Nacos 1.4 to 3.1, 3.2 with its legacy adapter. Registering and deregistering go through the npm client;
 * heartbeats and lists do not, because of what the client makes of them:
 *
 * - It sends the full heartbeat, with which the server makes the instance again if it is gone. The light one, which the
 *   server offers in every answer (`lightBeatEnabled`), only renews.
 * - Its first heartbeat leaves ten seconds after its construction, whatever the instance's own times are.
 * - It throws empty lists away and goes on to show the last instance that left.
 */
export class V1Api implements NacosApi {
  readonly #session: Session;
  readonly #failures: Failures;
  readonly #instance: Instance;
  readonly #credentials: Credentials;

  constructor(session: Session, failures: Failures, instance: Instance, credentials: Credentials) {
    this.#session = session;
    this.#failures = failures;
    this.#instance = instance;
    this.#credentials = credentials;
  }

  async register(server: string, signal: AbortSignal): Promise<void> {
    const { service, group } = this.#instance;
    await this.#throughClient('register', server, signal, (client) =>
      client.registerInstance(service, npmInstance(this.#instance), group),
    );
  }

  async deregister(server: string, signal: AbortSignal): Promise<void> {
    const { service, group } = this.#instance;
    await this.#throughClient('deregister', server, signal, (client) =>
      client.deregisterInstance(service, npmInstance(this.#instance), group),
    );
  }

  async beat(server: string, signal: AbortSignal): Promise<BeatAnswer> {
    const { namespaceId, ip, port, cluster } = this.#instance;
    const answer = await this.#session.send(
      server,
      {
        what: 'heartbeat',
        api: 'v1',
        method: 'PUT',
        path: `${V1_INSTANCE}/beat`,
        query: {
          namespaceId,
          serviceName: groupedName(this.#instance),
          clusterName: cluster,
          ip,
          port: String(port),
        },
      },
      signal,
    );
    this.#mustBe200('heartbeat', answer);
    const beat = parseJson(answer.body);
    if (beat === undefined || typeof beat['code'] !== 'number') throw this.#failures.notNacos('heartbeat', answer);
    const intervalMs = Number(beat['clientBeatInterval']);
    return { known: beat['code'] !== UNKNOWN_INSTANCE, ...(intervalMs > 0 ? { intervalMs } : {}) };
  }

  async list(server: string, signal: AbortSignal): Promise<readonly Listed[]> {
    const answer = await this.#session.send(server, listRequestV1(this.#instance), signal);
    this.#mustBe200('list', answer);
    const hosts = listedOf(parseJson(answer.body)?.['hosts']);
    if (hosts === undefined) throw this.#failures.notNacos('list', answer);
    return hosts;
  }

  async #throughClient(
    what: string,
    server: string,
    signal: AbortSignal,
    call: (client: NpmClient) => Promise<unknown>,
  ): Promise<void> {
    const send = async (request: Omit<HttpRequest, 'what'>): Promise<Answer> => {
      const answer = await this.#session.send(server, { ...request, what, api: 'v1', signed: true }, signal);
      this.#mustBe200(what, answer);
      if (answer.body.trim() !== 'ok') throw this.#failures.notNacos(what, answer);
      return answer;
    };
    const { namespaceId } = this.#instance;
    const Client = loadNpmClient(this.#failures);
    await callNpmClient(
      { Client, failures: this.#failures, credentials: this.#credentials, server, namespaceId, send },
      call,
    );
  }

  #mustBe200(what: string, answer: Answer): void {
    if (answer.status !== 200) throw this.#failures.refused(what, answer, 'v1');
  }
}

export function listRequestV1(instance: Instance): SessionRequest {
  const query = { namespaceId: instance.namespaceId, serviceName: groupedName(instance), healthyOnly: 'false' };
  return { what: 'list', api: 'v1', method: 'GET', path: `${V1_INSTANCE}/list`, query };
}

function npmInstance({ ip, port, cluster, ephemeral, weight, metadata }: Instance): NpmInstance {
  return { ip, port, clusterName: cluster, ephemeral, weight: String(weight), metadata };
}

/** `GROUP@@service`, as v1 names a service and the signatures of both APIs do. */
export function groupedName({ group, service }: Instance): string {
  return `${group}@@${service}`;
}
