/** What the manifest gives the process, read in one place. */
export interface Environment {
  /** Where callers reach this instance; in a pod, its IP (`status.podIP`). */
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  readonly registryDir: string;
  /** The manifest writes this and `spec.terminationGracePeriodSeconds` from one number. */
  readonly terminationGracePeriodSeconds: number;
}

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  return {
    host: env['POD_IP'] ?? '127.0.0.1',
    port: Number(env['PORT'] ?? 3000),
    adminPort: Number(env['ADMIN_PORT'] ?? 9090),
    registryDir: env['REGISTRY_DIR'] ?? './registry',
    terminationGracePeriodSeconds: Number(env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
  };
}
