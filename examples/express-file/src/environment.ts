import { type Environment, readEnvironment } from '@prestop-examples/order-service';

export interface FileEnvironment extends Environment {
  /** The directory that callers read, too; empty for none, as in Kubernetes, where a Service takes its place. */
  readonly registryDir: string;
}

export function readFileEnvironment(env: NodeJS.ProcessEnv = process.env): FileEnvironment {
  return { ...readEnvironment(env), registryDir: env['REGISTRY_DIR'] ?? './registry' };
}
