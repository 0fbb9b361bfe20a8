/** Every code a {@link CliError} can carry. Public contract, counted by a test. */
export const CLI_ERROR_CODES = [
  'ERR_PRESTOP_CLI_USAGE',
  'ERR_PRESTOP_CLI_OUTPUT',
  'ERR_PRESTOP_CLI_MANIFEST',
  'ERR_PRESTOP_CLI_TOKEN',
] as const;

export type CliErrorCode = (typeof CLI_ERROR_CODES)[number];

/**
 * A mistake in how the command or the library was used, or something outside that could not be read or written. `code`
 * is stable; the message is for people and names the thing, the rule and the value.
 */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  /** What to do about it, one line. */
  readonly hint: string | undefined;

  constructor(code: CliErrorCode, message: string, details: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** Usage error: exit code 2. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError('ERR_PRESTOP_CLI_USAGE', message, hint === undefined ? {} : { hint });
}

/** The words of a failed file operation, without the call and the stack: `no such file or directory`. */
export function systemMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory';
    case 'ENOTDIR':
      return 'not a directory';
    case 'EEXIST':
      return 'exists already';
    case 'EROFS':
      return 'read-only file system';
    default:
      return error.message;
  }
}
