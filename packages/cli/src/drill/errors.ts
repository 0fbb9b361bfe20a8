/** Every code a {@link DrillError} can carry. Public contract, counted by a test. */
export const DRILL_ERROR_CODES = [
  /** The service cannot be started, is not ready in time, or ends before it is deleted. */
  'ERR_PRESTOP_DRILL_SERVICE',
  /** A request that was asked for is not answered with 2xx before anything is deleted, or none is left to send. */
  'ERR_PRESTOP_DRILL_REQUEST',
  /** A case that was named needs a hook, or every case does, and the service has none. */
  'ERR_PRESTOP_DRILL_HOOK',
  /** The drill was interrupted. */
  'ERR_PRESTOP_DRILL_INTERRUPTED',
] as const;

/** What helps a service without a hook. */
export const HOOK_HINT = '--hook names one: /prestop, ADMIN_PORT:/prestop, sleep:5s';

export type DrillErrorCode = (typeof DRILL_ERROR_CODES)[number];

/** Why there is no result. What a service does wrong while it is deleted is a result, never an error. */
export class DrillError extends Error {
  override readonly name = 'DrillError';
  readonly code: DrillErrorCode;
  /** What to do about it, one line. */
  readonly hint: string | undefined;

  constructor(
    code: DrillErrorCode,
    message: string,
    details: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}
