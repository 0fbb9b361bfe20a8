import { RegistryError, type Sighting } from '@prestop/core';
import type { Connection } from './connection.ts';

/** What to look for. The id alone is not enough: it is unique on its agent only. */
export interface SoughtInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
}

/** One look at the catalog. */
export interface Look {
  /** The node whose agent holds the instance; `undefined` when it is not listed. */
  readonly node: string | undefined;
  /** Whether ACLs kept something of the list from us. Only a client with a token is told, by Consul 1.11 and later. */
  readonly filtered: boolean;
  /** Whether a token without a rule may read everything; also when ACLs are off. */
  readonly open: boolean;
}

interface HealthEntry {
  readonly Node?: { readonly Node?: string; readonly Address?: string };
  readonly Service?: { readonly ID?: string; readonly Address?: string; readonly Port?: number };
}

/**
 * Reads `/v1/health/service/:name?consistent`: through the leader, so that it is what any consumer is told from now on,
 * and without `passing`, so that an instance that is merely critical is not taken for gone.
 */
export async function lookAtCatalog(
  connection: Connection,
  registry: string,
  sought: SoughtInstance,
  signal: AbortSignal,
): Promise<Look> {
  const call = `check "${sought.id}"`;
  const answer = await connection.call({
    name: call,
    rights: `service:read for "${sought.name}" and node:read`,
    signal,
    run: (client, options) => {
      options.ctx.includeResponse = true;
      return client.health.service({ ...options, service: sought.name, consistent: true });
    },
  });
  const [response, entries] = answer as [{ readonly headers: Readonly<Record<string, string>> }, unknown];
  if (!Array.isArray(entries)) {
    const message = `${call} at ${connection.address}: answered with no list; is option "url" the address of a Consul agent?`;
    throw new RegistryError(registry, 'invalid', message);
  }
  const found = (entries as readonly HealthEntry[]).find((entry) => isSame(entry, sought));
  return {
    node: found?.Node?.Node,
    filtered: response.headers['x-consul-results-filtered-by-acls'] === 'true',
    open: response.headers['x-consul-default-acl-policy'] === 'allow',
  };
}

function isSame({ Node: node, Service: service }: HealthEntry, { id, address, port }: SoughtInstance): boolean {
  return service?.ID === id && service.Port === port && (service.Address || node?.Address) === address;
}

/**
 * Turns looks into sightings. Without the right to read, Consul answers with an empty list and not with an error, so a
 * list without us proves that we are gone only if we would be on it; that takes one of:
 *
 * - everybody may read everything (`X-Consul-Default-ACL-Policy: allow`) and nothing was filtered;
 * - we have been on it before, and no more is filtered now than was then;
 * - nothing is filtered now, and we know that this server would say so to us, because it has.
 */
export class Eyesight {
  #sawOurselves = false;
  #sawOurselvesInFilteredList = false;
  #toldOfFilter = false;

  judge({ node, filtered, open }: Look): Sighting {
    this.#toldOfFilter ||= filtered;
    if (node !== undefined) {
      this.#sawOurselves = true;
      this.#sawOurselvesInFilteredList ||= filtered;
      return 'visible';
    }
    if (filtered) return this.#sawOurselvesInFilteredList ? 'gone' : 'unknown';
    return open || this.#sawOurselves || this.#toldOfFilter ? 'gone' : 'unknown';
  }
}
