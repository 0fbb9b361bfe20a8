import { renderCode } from './code.ts';
import { type ManifestOptions, planManifest } from './options.ts';
import { renderYaml } from './yaml.ts';

export interface ManifestPair {
  /** Deployment, Service, NetworkPolicy and PodDisruptionBudget. */
  readonly yaml: string;
  /** The TypeScript service with the same numbers. */
  readonly code: string;
}

/**
 * The manifest and the code that belongs to it, from one set of numbers. `prestop lint` finds nothing in it.
 *
 * @throws CliError `ERR_PRESTOP_CLI_MANIFEST` for an option that does not hold, and for a grace period that is too short.
 */
export function renderManifest(options: ManifestOptions): ManifestPair {
  const plan = planManifest(options);
  return { yaml: renderYaml(plan), code: renderCode(plan) };
}
