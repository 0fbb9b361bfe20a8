import type { RegistryError } from '@prestop/core';
import { type Answer, type Failures, NO_SUCH_API } from './failures.ts';
import type { Http, HttpRequest } from './http.ts';
import type { Credentials, NacosApiName } from './options.ts';
import { signatureParams } from './signature.ts';

export interface SessionRequest extends HttpRequest {
  readonly api: NacosApiName;
  /** Whether the sender has signed it already. */
  readonly signed?: boolean;
}

/** v1 first: every server has it, 3.2 and later too, where it is one of the two v1 paths that stayed. */
const LOGIN_PATHS: readonly string[] = ['/nacos/v1/auth/users/login', '/nacos/v3/auth/user/login'];

/** The share of a token's life after which it is bought anew. */
const TOKEN_SHARE = 0.9;

interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
}

/**
 * Sends requests with the credentials of the options. A password travels in the body of the login and nowhere else; the
 * token it buys travels in a header, so that neither is in a URL that servers and proxies log.
 */
export class Session {
  readonly #http: Http;
  readonly #failures: Failures;
  readonly #credentials: Credentials;
  readonly #groupedService: string;
  #token: Token | undefined;

  constructor(http: Http, failures: Failures, credentials: Credentials, groupedService: string) {
    this.#http = http;
    this.#failures = failures;
    this.#credentials = credentials;
    this.#groupedService = groupedService;
  }

  /** The token that must not be shown anywhere. */
  get secrets(): readonly string[] {
    return this.#token === undefined ? [] : [this.#token.value];
  }

  /**
   * @returns the answer, whatever its status; 401 and 403 only after a new login was refused too.
   * @throws RegistryError when there is no answer or the login failed.
   */
  async send(server: string, request: SessionRequest, signal: AbortSignal): Promise<Answer> {
    if (this.#credentials.kind !== 'login') return this.#http.send(server, this.#sign(request), signal);
    const held = this.#heldToken();
    const first = await this.#sendWith(held ?? (await this.#login(server, signal)), server, request, signal);
    if (held === undefined || (first.status !== 401 && first.status !== 403)) return first;
    // The server may have forgotten the token: a restart with another secret.
    this.#token = undefined;
    return this.#sendWith(await this.#login(server, signal), server, request, signal);
  }

  #sendWith(token: string, server: string, request: SessionRequest, signal: AbortSignal): Promise<Answer> {
    // 3.x documents the one, and 1.4 knows only the other.
    const header = request.api === 'v3' ? { accessToken: token } : { authorization: `Bearer ${token}` };
    return this.#http.send(server, { ...request, headers: { ...request.headers, ...header } }, signal);
  }

  #sign(request: SessionRequest): HttpRequest {
    if (request.signed === true) return request;
    const signature = signatureParams(this.#credentials, this.#groupedService, Date.now());
    return request.form === undefined
      ? { ...request, query: { ...request.query, ...signature } }
      : { ...request, form: { ...request.form, ...signature } };
  }

  #heldToken(): string | undefined {
    const token = this.#token;
    return token !== undefined && performance.now() < token.expiresAtMs ? token.value : undefined;
  }

  async #login(server: string, signal: AbortSignal): Promise<string> {
    const { answer, what } = await this.#askForToken(server, signal);
    if (answer.status !== 200) throw this.#loginRefused(what, answer);
    const { accessToken, tokenTtl } = parseToken(answer.body);
    if (accessToken === undefined) throw this.#failures.notNacos(what, answer);
    this.#token = { value: accessToken, expiresAtMs: performance.now() + tokenTtl * 1000 * TOKEN_SHARE };
    return accessToken;
  }

  async #askForToken(server: string, signal: AbortSignal): Promise<{ answer: Answer; what: string }> {
    const { username, password } = this.#credentials as Extract<Credentials, { kind: 'login' }>;
    const what = `login of "${username}"`;
    let answer: Answer | undefined;
    for (const path of LOGIN_PATHS) {
      answer = await this.#http.send(server, { what, method: 'POST', path, form: { username, password } }, signal);
      if (!NO_SUCH_API.has(answer.status)) break;
    }
    return { answer: answer as Answer, what };
  }

  #loginRefused(what: string, answer: Answer): RegistryError {
    // 403 by the vendor's distribution; a server put together without its console module lets the exception through.
    const isWrong = answer.status === 500 && /user[^"]*not found|password/i.test(answer.body);
    return this.#failures.refused(what, answer, undefined, isWrong ? 'auth' : undefined);
  }
}

const DEFAULT_TTL_S = 18_000;

function parseToken(body: string): { accessToken: string | undefined; tokenTtl: number } {
  try {
    const { accessToken, tokenTtl } = JSON.parse(body) as Record<string, unknown>;
    return {
      accessToken: typeof accessToken === 'string' && accessToken !== '' ? accessToken : undefined,
      tokenTtl: typeof tokenTtl === 'number' && tokenTtl > 0 ? tokenTtl : DEFAULT_TTL_S,
    };
  } catch {
    return { accessToken: undefined, tokenTtl: DEFAULT_TTL_S };
  }
}
