import { RegistryError } from '@prestop/core';

/** What is known when an agent says that it does not hold the instance. */
export interface Absence {
  readonly registry: string;
  /** `deregister "orders-1" at http://10.0.0.5:8500`. */
  readonly where: string;
  /** The node with which the catalog lists the instance. */
  readonly listedWith: string | undefined;
  /** The node whose agent we have asked; `undefined` when it would not tell. */
  readonly asked: string | undefined;
  /** How long ago an agent said that it has removed the instance, in milliseconds; `undefined` when none did. */
  readonly removedMsAgo: number | undefined;
}

/** An agent tells the catalog at once. When that has not happened after this long, something is in the way. */
const SLOW_SYNC_MS = 3_000;

const ADVICE =
  'register and deregister must reach the same agent, the node\'s own (option "url", for example http://$(HOST_IP):8500)';

/**
 * Whether somebody must act on it. Nothing is wrong when the catalog does not list the instance either, or lists it with
 * the agent that was asked, whose removal is on its way.
 *
 * @returns an error of kind `invalid` when another agent holds the instance; `unavailable` when that cannot be told from
 * a catalog that is about to follow, or when the catalog has not followed for long.
 */
export function wrongAbsence({ registry, where, listedWith, asked, removedMsAgo }: Absence): RegistryError | undefined {
  if (listedWith === undefined) return undefined;
  if (removedMsAgo !== undefined) {
    if (removedMsAgo <= SLOW_SYNC_MS) return undefined;
    const message = `${where}: the agent has removed it and the catalog still lists it with node "${listedWith}"; look for "blocked by ACLs" in the agent's log: the agent's own token needs node:write for its node`;
    return new RegistryError(registry, 'unavailable', message);
  }
  if (asked === listedWith) return undefined;
  if (asked !== undefined) {
    const message = `${where}: this is the agent of node "${asked}", and the instance is held by that of node "${listedWith}"; ${ADVICE}`;
    return new RegistryError(registry, 'invalid', message);
  }
  const message = `${where}: this agent does not hold it, and the catalog lists it with node "${listedWith}"; the catalog is about to follow, or this is the wrong agent: ${ADVICE}`;
  return new RegistryError(registry, 'unavailable', message);
}
