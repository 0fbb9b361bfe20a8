import { readInstances } from '@prestop/registry-adapters/file';
import type { Probes } from '@prestop/testkit';

/** Where callers look for pods. */
export interface PodDirectory {
  /** The pods listed now, as `host:port`. */
  readonly discover: () => Promise<readonly string[]>;
  /** A pod is there; with `probes` it is listed for as long as its readiness passes. */
  add(target: string, probes?: Probes): void;
  /** It is being deleted, or its container is down. */
  remove(target: string): void;
  /** Whether callers were told of it the last time they asked. */
  isListed(target: string): boolean;
  /** When it was first missing in what callers are told, on the monotonic clock; undefined while it is listed. */
  delistedAtMs(target: string): number | undefined;
}

/**
 * The endpoints of a Service: a pod leaves them in the moment of its deletion, since `ready` is false from then on
 * whatever the pod says, and otherwise when its readiness probe has failed.
 */
export function endpointDirectory(): PodDirectory {
  const pods = new Map<string, Probes | undefined>();
  const history = new ListingHistory();
  return {
    discover: async () => {
      const listed = [...pods].filter(([, probes]) => probes?.readiness.passing ?? true).map(([target]) => target);
      return history.note(listed);
    },
    add: (target, probes) => void pods.set(target, probes),
    remove: (target) => void pods.delete(target),
    isListed: (target) => history.isListed(target),
    delistedAtMs: (target) => history.delistedAtMs(target),
  };
}

/**
 * The file registry: pods come and go as they register and deregister, and the deletion itself changes nothing. A pod
 * may be registered under any address of this machine; it is called where the drill has started it.
 */
export function registryDirectory(dir: string): PodDirectory {
  const targets = new Map<number, string>();
  const history = new ListingHistory();
  return {
    discover: async () => {
      const instances = await readInstances(dir);
      return history.note(instances.map(({ port }) => targets.get(port)).filter((target) => target !== undefined));
    },
    add: (target) => void targets.set(portOf(target), target),
    remove: () => undefined,
    isListed: (target) => history.isListed(target),
    delistedAtMs: (target) => history.delistedAtMs(target),
  };
}

class ListingHistory {
  #listed: ReadonlySet<string> = new Set();
  readonly #delisted = new Map<string, number>();

  note(listed: readonly string[]): readonly string[] {
    const now = new Set(listed);
    for (const target of this.#listed) if (!now.has(target)) this.#delisted.set(target, performance.now());
    for (const target of now) this.#delisted.delete(target);
    this.#listed = now;
    return listed;
  }

  isListed(target: string): boolean {
    return this.#listed.has(target);
  }

  delistedAtMs(target: string): number | undefined {
    return this.#delisted.get(target);
  }
}

function portOf(target: string): number {
  return Number(target.slice(target.lastIndexOf(':') + 1));
}
