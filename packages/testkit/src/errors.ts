/** Every code a {@link TestkitError} can carry. */
export const TESTKIT_ERROR_CODES = [
  'ERR_TESTKIT_OPTION_INVALID',
  'ERR_TESTKIT_SPAWN',
  'ERR_TESTKIT_SERVICE_EXITED',
  'ERR_TESTKIT_TIMEOUT',
  'ERR_TESTKIT_RAW_CLOSED',
  'ERR_TESTKIT_RAW_INVALID',
] as const;

export type TestkitErrorCode = (typeof TESTKIT_ERROR_CODES)[number];

/** What the testkit itself has to complain about; losses and failed hooks are results, never errors. */
export class TestkitError extends Error {
  override readonly name = 'TestkitError';
  readonly code: TestkitErrorCode;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @throws TestkitError `ERR_TESTKIT_OPTION_INVALID` unless `holds`. */
export function checkOption(holds: boolean, owner: string, option: string, rule: string, value: unknown): void {
  if (holds) return;
  throw new TestkitError(
    'ERR_TESTKIT_OPTION_INVALID',
    `${owner}: option "${option}" must be ${rule}; it is ${String(value)}`,
  );
}

/** The system's code of a failure (`ECONNRESET`), or its message where there is none. */
export function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.message;
}
