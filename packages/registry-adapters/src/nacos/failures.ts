import { RegistryError, type RegistryErrorKind } from '@prestop/core';
import type { NacosApiName } from './options.ts';
import type { Redact } from './redact.ts';

/** An answer of a server, whatever its status. */
export interface Answer {
  /** Origin of the server: `http://10.0.0.5:8848`. */
  readonly server: string;
  readonly status: number;
  readonly body: string;
}

/** The statuses with which a server says that it has no such API: 410 and 501 are Nacos' own words for it. */
export const NO_SUCH_API: ReadonlySet<number> = new Set([404, 405, 410, 501]);

const NEEDS_TLS = 'a server with TLS needs https:// in "serverList"';
const NEEDS_NO_TLS = 'a server without TLS needs http:// in "serverList"';
const MEND_TLS = 'for a certificate of your own authority start Node with NODE_EXTRA_CA_CERTS';

const NETWORK: Readonly<Record<string, { readonly kind?: RegistryErrorKind; readonly mend: string }>> = {
  ECONNREFUSED: { mend: 'nothing listens there; is the server up and the port right?' },
  ENOTFOUND: { mend: 'there is no such host name; check "serverList"' },
  EAI_AGAIN: { mend: 'the name server did not answer' },
  ECONNRESET: { mend: `the connection was reset; ${NEEDS_TLS}` },
  UND_ERR_SOCKET: { mend: `the connection was closed; ${NEEDS_TLS}` },
  UND_ERR_CONNECT_TIMEOUT: { kind: 'timeout', mend: 'the connection was not accepted in time' },
  EPROTO: { kind: 'invalid', mend: NEEDS_NO_TLS },
  ERR_SSL_WRONG_VERSION_NUMBER: { kind: 'invalid', mend: NEEDS_NO_TLS },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: { kind: 'invalid', mend: NEEDS_NO_TLS },
  DEPTH_ZERO_SELF_SIGNED_CERT: { kind: 'invalid', mend: MEND_TLS },
  SELF_SIGNED_CERT_IN_CHAIN: { kind: 'invalid', mend: MEND_TLS },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { kind: 'invalid', mend: MEND_TLS },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { kind: 'invalid', mend: MEND_TLS },
  ERR_TLS_CERT_ALTNAME_INVALID: { kind: 'invalid', mend: 'the certificate names another host; check "serverList"' },
};

const NOT_HTTP = 'what answers there does not speak HTTP; the gRPC port is the HTTP port + 1000';

/** Makes the {@link RegistryError}s of one adapter; nothing secret gets into them. */
export class Failures {
  readonly registryName: string;
  readonly #redact: Redact;

  constructor(registryName: string, redact: Redact) {
    this.registryName = registryName;
    this.#redact = redact;
  }

  error(kind: RegistryErrorKind, message: string, cause?: unknown): RegistryError {
    return new RegistryError(this.registryName, kind, this.#redact(message), cause === undefined ? {} : { cause });
  }

  /** The request `what` got no answer from `server`. */
  network(what: string, server: string, thrown: unknown): RegistryError {
    const { code = '', message } = deepest(thrown);
    const known = NETWORK[code] ?? (code.startsWith('HPE_') ? { kind: 'invalid' as const, mend: NOT_HTTP } : undefined);
    const mend = known === undefined ? '' : `; ${known.mend}`;
    return this.error(known?.kind ?? 'unavailable', `${what} at ${server}: ${message}${mend}`, thrown);
  }

  timeout(what: string, server: string, timeoutMs: number): RegistryError {
    return this.error('timeout', `${what} at ${server}: no answer within ${timeoutMs} ms`);
  }

  /** The server answered `what` and did not do it. `kind` by its status unless given. */
  refused(what: string, answer: Answer, api?: NacosApiName, kind: RegistryErrorKind = kindOf(answer)): RegistryError {
    const mend = mendOf(kind, answer, api);
    return this.#answered(kind, `${answer.status}${mend === '' ? '' : `; ${mend}`}`, what, answer);
  }

  /** A v3 answer whose `code` is not 0. */
  coded(what: string, answer: Answer, code: number): RegistryError {
    const kind = code === ACCESS_DENIED ? 'auth' : code === SERVER_ERROR ? 'unavailable' : 'invalid';
    const mend = mendOf(kind, answer, 'v3');
    return this.#answered(kind, `code ${code}${mend === '' ? '' : `; ${mend}`}`, what, answer);
  }

  /** Status 200 with a body that no Nacos sends. */
  notNacos(what: string, answer: Answer): RegistryError {
    return this.#answered('invalid', 'something that is not from Nacos; check "serverList"', what, answer);
  }

  #answered(kind: RegistryErrorKind, how: string, what: string, { server, status, body }: Answer): RegistryError {
    const said = this.#redact(body.trim());
    const words = said === '' ? '' : ` The server said: ${summary(said)}`;
    return new RegistryError(this.registryName, kind, this.#redact(`${what} at ${server}: answered ${how}.${words}`), {
      status,
      body: said,
    });
  }

  /**
   * One error for a request that failed on every server: the kind is the first of a server that answered, since only
   * that says what is wrong; the message has them all.
   */
  everywhere(what: string, errors: readonly RegistryError[]): RegistryError {
    const [first] = errors;
    if (first === undefined) return this.error('unavailable', `${what}: no server to ask`);
    if (errors.length === 1) return first;
    const telling = errors.find(({ status }) => status !== undefined) ?? first;
    const prefix = `${this.registryName}: `;
    const each = errors.map(({ message }) => message.slice(message.startsWith(prefix) ? prefix.length : 0)).join(' | ');
    return new RegistryError(
      this.registryName,
      telling.kind,
      `${what} failed on all ${errors.length} servers: ${each}`,
      {
        ...(telling.status === undefined ? {} : { status: telling.status }),
        ...(telling.body === undefined ? {} : { body: telling.body }),
        cause: new AggregateError(errors),
      },
    );
  }
}

const ACCESS_DENIED = 10_001;
const SERVER_ERROR = 30_000;

function kindOf({ status, body }: Answer): RegistryErrorKind {
  if (status === 401 || status === 403) return 'auth';
  if (NO_SUCH_API.has(status)) return 'unsupported';
  // Nacos' own limiter answers 503, with words of its own instead of JSON.
  if (status === 429 || (status === 503 && /\btps\b|over limit|flow control/i.test(body))) return 'throttled';
  return status >= 500 ? 'unavailable' : 'invalid';
}

function mendOf(kind: RegistryErrorKind, { status, body }: Answer, api: NacosApiName | undefined): string {
  if (kind === 'auth') {
    return 'check "username" and "password" (or "accessKey" and "secretKey") and that they may write in the namespace';
  }
  if (kind === 'throttled') return 'the server limits requests';
  if (kind !== 'unsupported') return status === 400 && /\b(TLS|HTTPS|SSL)\b/i.test(body) ? NEEDS_TLS : '';
  if (status === 410) {
    return "its v1 API is switched off; set nacos.core.api.compatibility.client.enabled=true on the server, or api: 'v3'";
  }
  if (api === 'v1') return "it has no v1 API, which left Nacos with 3.2; set api: 'auto' or 'v3'";
  if (api === 'v3') return "it has no v3 API, which came with Nacos 3.0; set api: 'auto' or 'v1'";
  return 'it has neither the v1 nor the v3 API under /nacos; check "serverList"';
}

/** The words inside Nacos' JSON errors, else the beginning of the text. */
function summary(body: string): string {
  try {
    const { message, data, error } = JSON.parse(body) as Record<string, unknown>;
    const words = [message ?? error, data].filter((word) => typeof word === 'string' && word !== '');
    if (words.length > 0) return words.join(': ');
  } catch {
    // Not every answer is JSON.
  }
  const text = body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return text.slice(0, SUMMARY_CHARACTERS);
}

const SUMMARY_CHARACTERS = 200;

interface SystemError {
  readonly code?: string;
  readonly message: string;
}

/** undici and happy eyeballs wrap the error that has the code. */
function deepest(thrown: unknown): SystemError {
  let error = thrown as Error & SystemError & { readonly errors?: readonly unknown[] };
  for (;;) {
    const next = error.errors?.[0] ?? (error.code === undefined ? error.cause : undefined);
    if (!(next instanceof Error)) break;
    error = next as typeof error;
  }
  const { code } = error;
  const message = error.message === '' ? (code ?? error.name) : error.message;
  return { message, ...(code === undefined ? {} : { code }) };
}
