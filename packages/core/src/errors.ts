/**
 * Every code a {@link LifecycleError} can carry. Public contract, documented in `docs/errors.md` and counted by a test.
 */
export const LIFECYCLE_ERROR_CODES = [
  'ERR_PRESTOP_OPTION_UNKNOWN',
  'ERR_PRESTOP_OPTION_INVALID',
  'ERR_PRESTOP_OPTION_CONFLICT',
  'ERR_PRESTOP_ADMIN_LISTEN',
  'ERR_PRESTOP_SERVER_INVALID',
  'ERR_PRESTOP_SERVER_ATTACHED',
  'ERR_PRESTOP_CLOSER_INVALID',
  'ERR_PRESTOP_PHASE',
  'ERR_PRESTOP_STOPPED',
  'ERR_PRESTOP_WORKER_INVALID',
] as const;

export type LifecycleErrorCode = (typeof LIFECYCLE_ERROR_CODES)[number];

export interface LifecycleErrorDetails {
  /** The option or argument at fault, as the user wrote it: `quiet.minMs`. */
  readonly option?: string;
  /** What must hold for it, in words. */
  readonly rule?: string;
  /** What was given, printable; secrets are described, never shown. */
  readonly value?: string;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('prestop.LifecycleError');

/**
 * A mistake in how prestop is used or what it was given: an option, an argument, a call at the wrong time, a port in use.
 * `code` is stable; the message is for people. Use {@link isLifecycleError} rather than `instanceof` where two copies of
 * the package may be installed.
 */
export class LifecycleError extends Error {
  override readonly name = 'LifecycleError';
  readonly code: LifecycleErrorCode;
  readonly option: string | undefined;
  readonly rule: string | undefined;
  readonly value: string | undefined;

  constructor(code: LifecycleErrorCode, message: string, details: LifecycleErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.option = details.option;
    this.rule = details.rule;
    this.value = details.value;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

export function isLifecycleError(error: unknown): error is LifecycleError {
  return error instanceof Error && BRAND in error;
}

/** What is wrong with a registry, as far as the caller's next step depends on it. */
export const REGISTRY_ERROR_KINDS = ['auth', 'unsupported', 'throttled', 'unavailable', 'timeout', 'invalid'] as const;

export type RegistryErrorKind = (typeof REGISTRY_ERROR_KINDS)[number];

export interface RegistryErrorDetails {
  /** HTTP status of the registry's answer, where there was one. */
  readonly status?: number;
  /** The registry's own words, secrets redacted by the adapter, cut to {@link REGISTRY_ERROR_BODY_LIMIT} characters. */
  readonly body?: string;
  readonly cause?: unknown;
}

/** Longest `body` that a {@link RegistryError} keeps, in characters. */
export const REGISTRY_ERROR_BODY_LIMIT = 500;

const RETRYABLE: ReadonlySet<RegistryErrorKind> = new Set(['throttled', 'unavailable', 'timeout']);
const REGISTRY_BRAND = Symbol.for('prestop.RegistryError');

/**
 * A registry refused, failed or did not answer. Adapters throw it; core retries it when `retryable`, reports it, and
 * never lets it decide about HTTP.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code = 'ERR_PRESTOP_REGISTRY';
  /** Name of the adapter. */
  readonly registry: string;
  readonly kind: RegistryErrorKind;
  readonly status: number | undefined;
  readonly body: string | undefined;

  constructor(registry: string, kind: RegistryErrorKind, message: string, details: RegistryErrorDetails = {}) {
    super(`${registry}: ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.registry = registry;
    this.kind = kind;
    this.status = details.status;
    this.body = details.body?.slice(0, REGISTRY_ERROR_BODY_LIMIT);
    Object.defineProperty(this, REGISTRY_BRAND, { value: true });
  }

  /** Whether the same call may succeed later: `throttled`, `unavailable` and `timeout` are, the others are not. */
  get retryable(): boolean {
    return RETRYABLE.has(this.kind);
  }
}

export function isRegistryError(error: unknown): error is RegistryError {
  return error instanceof Error && REGISTRY_BRAND in error;
}

/** The message of anything that was thrown, also of what cannot be printed. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `something of type ${typeof thrown} that cannot be printed`;
  }
}

/** What was thrown as an error whose message can be read. */
export function errorOf(thrown: unknown): Error {
  const message = messageOf(thrown);
  try {
    if (thrown instanceof Error && thrown.message === message) return thrown;
  } catch {
    // Its message cannot be read.
  }
  return new Error(message);
}
