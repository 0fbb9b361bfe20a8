import { STATUS_CODES } from 'node:http';
import { RegistryError, type RegistryErrorKind } from '@prestop/core';

/** What a failed call was about, for the words of its error. */
export interface CallDescription {
  readonly registry: string;
  /** `deregister "orders-1"`. */
  readonly call: string;
  /** Without credentials. */
  readonly address: string;
  readonly timeoutMs: number;
  /** What the token must be allowed to do, in Consul's terms. */
  readonly rights: string;
  /** Takes every secret out of a text. */
  readonly redact: (text: string) => string;
}

/** The shapes in which npm `consul` and Node report a failure. */
interface ClientError {
  readonly isResponse?: boolean;
  readonly isTimeout?: boolean;
  readonly response?: { readonly statusCode?: number; readonly body?: unknown };
  readonly code?: string;
  readonly message?: string;
}

const QUOTED_CHARACTERS = 200;

/**
 * A failed request as `RegistryError`. The client's own error is not kept as cause: it holds the request with its token.
 */
export function toRegistryError(thrown: unknown, description: CallDescription): RegistryError {
  const error: ClientError = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) };
  const { registry, call, address, timeoutMs, redact } = description;
  if (error.isTimeout === true) {
    return new RegistryError(registry, 'timeout', `${call} at ${address}: no answer within ${timeoutMs} ms`);
  }
  if (error.isResponse === true) return fromResponse(error.response ?? {}, description);
  const { code = '' } = error;
  const message = redact(error.message ?? '');
  const { kind, hint } = fromCode(code, message);
  const said = message === '' || message.includes(code) ? message : `${code}: ${message}`;
  return new RegistryError(registry, kind, `${call} at ${address}: ${said || code}${hint}`, {
    cause: Object.assign(new Error(message), { code }),
  });
}

function fromResponse(
  { statusCode: status = 0, body }: NonNullable<ClientError['response']>,
  description: CallDescription,
): RegistryError {
  const { registry, call, address, redact } = description;
  const text = redact(textOf(body));
  const quoted = text.trim().split('\n', 1)[0]?.slice(0, QUOTED_CHARACTERS) ?? '';
  const words = quoted === '' ? (STATUS_CODES[status] ?? 'no known status') : quoted;
  const message = `${call} at ${address}: answered ${status}, ${words}${hintFor(status, text, description.rights)}`;
  return new RegistryError(registry, kindOf(status), message, { status, body: text });
}

function textOf(body: unknown): string {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string') return body;
  return Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body);
}

function kindOf(status: number): RegistryErrorKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 405 || status === 501) return 'unsupported';
  if (status === 408) return 'timeout';
  if (status === 429) return 'throttled';
  return status >= 500 ? 'unavailable' : 'invalid';
}

function hintFor(status: number, body: string, rights: string): string {
  if (status === 401 || status === 403) return `; the token needs ${rights} (options "token", "tokenFile")`;
  if (status === 429)
    return '; the agent limits requests, or connections of one client (limits.http_max_conns_per_client)';
  if (/Consul Enterprise feature/.test(body))
    return '; this is the community edition: leave "namespace" and "partition" out';
  if (/HTTP request to an HTTPS server/.test(body)) return '; the agent speaks TLS there: use https:// in option "url"';
  if (status === 404 || (status >= 300 && status < 400)) return '; is option "url" the address of a Consul agent?';
  return '';
}

const TLS_FAILED = /^(EPROTO|ERR_SSL_)/;
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/;

function fromCode(code: string, message: string): { kind: RegistryErrorKind; hint: string } {
  if (TLS_FAILED.test(code)) {
    return /alert/i.test(`${code} ${message}`)
      ? { kind: 'invalid', hint: '; the agent refused our certificate or wants one: see option "tls" (cert, key)' }
      : { kind: 'invalid', hint: '; the agent does not speak TLS there: use http:// in option "url"' };
  }
  if (UNTRUSTED.test(code)) {
    return {
      kind: 'invalid',
      hint: '; the certificate of the agent is not trusted: see option "tls" (ca, servername)',
    };
  }
  if (code.startsWith('HPE_')) {
    return { kind: 'invalid', hint: '; what answers there does not speak HTTP: is option "url" the HTTP address?' };
  }
  if (code === '') return { kind: 'invalid', hint: '' };
  return { kind: 'unavailable', hint: '; is the agent running, and is option "url" its address?' };
}

/**
 * 404 says that this agent does not hold the service; before Consul 1.11 it was a 500 with the same words.
 * https://github.com/hashicorp/consul/issues/9415
 */
export function isUnknownService(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return (error.body ?? '').startsWith('Unknown service') && (error.status === 404 || error.status === 500);
}

/** The same for the check that a heartbeat is for. */
export function isUnknownCheck(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  const words = /^Unknown check|does not have associated TTL/;
  return words.test(error.body ?? '') && (error.status === 404 || error.status === 500);
}
