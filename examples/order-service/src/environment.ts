import type { AdminOptions } from '@prestop/core';

/** What the manifest gives every variant of the service, read in one place. */
export interface Environment {
  /** Where callers reach this instance; in a pod, its IP (`status.podIP`). */
  readonly host: string;
  readonly port: number;
  /** The port of the hook and the probes, and the token where a Secret gives one. */
  readonly admin: AdminOptions;
  /** The manifest writes this and `spec.terminationGracePeriodSeconds` from one number. */
  readonly terminationGracePeriodSeconds: number;
}

export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  return {
    host: env['POD_IP'] ?? '127.0.0.1',
    port: Number(env['PORT'] ?? 3000),
    // An empty token stays one: it is refused, where a missing one would open the port to everybody.
    admin: { port: Number(env['ADMIN_PORT'] ?? 9090), token: env['PRESTOP_TOKEN'] },
    terminationGracePeriodSeconds: Number(env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? 30),
  };
}
