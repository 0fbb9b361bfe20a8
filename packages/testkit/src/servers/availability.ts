/** A server that cannot be had on this machine. */
export interface Unavailable {
  readonly available: false;
  readonly server: ServerName;
  /** What is missing or failed. */
  readonly why: string;
  /** What to do about it. */
  readonly how: string;
}

export type ServerName = 'Consul' | 'Nacos';

/** The variable that names a server which already runs, for each server. */
export const ADDRESS_VARIABLE: Readonly<Record<ServerName, string>> = {
  Consul: 'PRESTOP_TEST_CONSUL_ADDR',
  Nacos: 'PRESTOP_TEST_NACOS_ADDR',
};

const BAR = '='.repeat(100);

/**
 * Whether the tests named `tests` must be skipped because their server is not available. Says so loudly on stderr.
 *
 * @throws Error instead of a skip under `CI=true`, where a test that did not run is a failure.
 */
export function mustSkip(outcome: { readonly available: true } | Unavailable, tests: string): outcome is Unavailable {
  if (outcome.available) return false;
  const text = `DID NOT RUN: ${tests}\n  ${outcome.server}: ${outcome.why}\n  To run them: ${outcome.how}`;
  if (process.env['CI'] === 'true') throw new Error(`${text}\n  Under CI=true this is a failure.`);
  process.stderr.write(`${BAR}\n${text}\n${BAR}\n`);
  return true;
}
