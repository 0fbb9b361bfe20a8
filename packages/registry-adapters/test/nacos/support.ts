import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mustSkip, type Unavailable } from '@prestop/testkit/servers';
import { describe } from 'vitest';

export interface Host {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly clusterName: string;
  readonly ephemeral: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Place {
  readonly service: string;
  readonly group?: string;
  readonly namespaceId?: string;
}

/** The list of a service as any HTTP client gets it, from a server of any generation. Shares nothing with the adapter. */
export async function hostsOf(
  addr: string,
  place: Place,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Host[]> {
  const { service, group = 'DEFAULT_GROUP', namespaceId = 'public' } = place;
  const query = new URLSearchParams({ serviceName: service, groupName: group, namespaceId }).toString();
  const v1 = await fetch(`${addr}/nacos/v1/ns/instance/list?${query}`, { headers });
  if (v1.ok) return ((await v1.json()) as { readonly hosts: readonly Host[] }).hosts;
  const v3 = await fetch(`${addr}/nacos/v3/client/ns/instance/list?${query}`, { headers });
  if (v3.ok) return ((await v3.json()) as { readonly data: readonly Host[] }).data;
  throw new Error(`the list answered ${v1.status} (v1) and ${v3.status} (v3)`);
}

export function call(ms = 10_000): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

/** A server of the environment will not do where tests freeze it, or need a way back from it. */
export function mustBeOwn<Found extends { readonly available: true; readonly origin: string }>(
  found: Found | Unavailable,
): Found | Unavailable {
  if (!found.available || found.origin !== 'environment') return found;
  const why = 'these tests need a server that they start themselves';
  return { available: false, server: 'Nacos', why, how: 'unset PRESTOP_TEST_NACOS_ADDR' };
}

/**
 * `describe`, or `describe.skip` where the server cannot be had: then it says on stderr how many tests did not run and
 * how to run them.
 *
 * @throws Error instead, under `CI=true`.
 */
export function describeWithServer(
  found: { readonly available: true } | Unavailable,
  testFile: string,
): typeof describe | typeof describe.skip {
  const own = readFileSync(fileURLToPath(testFile), 'utf8');
  const shared = readFileSync(fileURLToPath(new URL('../conformance.ts', import.meta.url)), 'utf8');
  const count = countTests(own) + (own.includes('conformance(') ? countTests(shared) : 0);
  return mustSkip(found, `about ${count} tests of the Nacos adapter against a real server`) ? describe.skip : describe;
}

/** One for every `it`, however many cases it has. */
function countTests(source: string): number {
  return source.match(/^\s*it(\.each)?\(/gm)?.length ?? 0;
}
