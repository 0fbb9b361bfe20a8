/** A server that cannot be had on this machine. */
export interface Unavailable {
  readonly available: false;
  readonly server: BuildName;
  /** What is missing or failed. */
  readonly why: string;
  /** What to do about it. */
  readonly how: string;
}

export type ServerName = 'Consul' | 'Nacos';

/** What the folders of `tools/` build. */
export type BuildName = ServerName | 'Kubernetes';

/** The variable that names a server which already runs, for each server. */
export const ADDRESS_VARIABLE: Readonly<Record<ServerName, string>> = {
  Consul: 'PRESTOP_TEST_CONSUL_ADDR',
  Nacos: 'PRESTOP_TEST_NACOS_ADDR',
};

/** What to do instead of installing the tools of a build. */
export function insteadOfBuilding(name: BuildName): string {
  return name === 'Kubernetes'
    ? 'set PRESTOP_TEST_KUBECONFIG to the kubeconfig of a running cluster'
    : `set ${ADDRESS_VARIABLE[name]} to the address of a running server (docker compose up -d, see compose.yaml)`;
}

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
