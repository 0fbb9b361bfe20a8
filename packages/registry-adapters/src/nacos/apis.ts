import { isRegistryError } from '@prestop/core';
import type { NacosApi } from './api.ts';
import { type Answer, type Failures, NO_SUCH_API } from './failures.ts';
import { listedOf, parseJson } from './json.ts';
import type { NacosApiName, NacosSettings } from './options.ts';
import type { Session } from './session.ts';
import { listRequestV1, V1Api } from './v1.ts';
import { listRequestV3, V3Api } from './v3.ts';

/** Which API each server speaks: as the options say, or as the server itself shows. */
export class Apis {
  readonly #chosen: NacosApiName | 'auto';
  readonly #session: Session;
  readonly #failures: Failures;
  readonly #settings: NacosSettings;
  readonly #found = new Map<string, NacosApiName>();
  readonly #apis: Readonly<Record<NacosApiName, NacosApi>>;

  constructor(settings: NacosSettings, session: Session, failures: Failures) {
    const { api, instance, credentials } = settings;
    this.#chosen = api;
    this.#settings = settings;
    this.#session = session;
    this.#failures = failures;
    this.#apis = {
      v1: new V1Api(session, failures, instance, credentials),
      v3: new V3Api(session, failures, instance),
    };
  }

  /**
   * Asks `server` through its API. A server that no longer has the API it had, because it was upgraded under this
   * process, is looked at again.
   *
   * @throws RegistryError `unsupported` when the server has neither API or not the chosen one, else what `ask` throws.
   */
  async use<Result>(server: string, signal: AbortSignal, ask: (api: NacosApi) => Promise<Result>): Promise<Result> {
    if (this.#chosen !== 'auto') return ask(this.#apis[this.#chosen]);
    const known = this.#found.get(server);
    if (known !== undefined) {
      try {
        return await ask(this.#apis[known]);
      } catch (error) {
        if (!isRegistryError(error) || error.status === undefined || error.kind !== 'unsupported') throw error;
      }
    }
    const found = await this.#find(server, signal);
    this.#found.set(server, found);
    return ask(this.#apis[found]);
  }

  /**
   * Asks for the list of our service: v1 where there is one, since that is the one tested against a real server, else
   * v3. A refusal for want of rights is an answer too: the path exists.
   */
  async #find(server: string, signal: AbortSignal): Promise<NacosApiName> {
    const what = 'asking for the API generation';
    const { instance } = this.#settings;
    const v1 = await this.#session.send(server, { ...listRequestV1(instance), what }, signal);
    if (exists(v1, (body) => listedOf(parseJson(body)?.['hosts']) !== undefined)) return 'v1';
    if (!NO_SUCH_API.has(v1.status)) throw this.#problem(what, v1);
    const v3 = await this.#session.send(server, { ...listRequestV3(instance), what }, signal);
    if (exists(v3, (body) => typeof parseJson(body)?.['code'] === 'number')) return 'v3';
    throw this.#problem(what, NO_SUCH_API.has(v3.status) ? v1 : v3);
  }

  #problem(what: string, answer: Answer): Error {
    return answer.status === 200 ? this.#failures.notNacos(what, answer) : this.#failures.refused(what, answer);
  }
}

function exists({ status, body }: Answer, isNacos: (body: string) => boolean): boolean {
  return status === 401 || status === 403 || (status === 200 && isNacos(body));
}
