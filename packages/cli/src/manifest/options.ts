import { defaultReserve, leastGrace, SDK_DEFAULTS } from '../defaults.ts';
import { CliError } from '../errors.ts';

export const REGISTRIES = ['consul', 'nacos', 'file', 'none'] as const;

export type RegistryName = (typeof REGISTRIES)[number];

export interface ManifestOptions {
  /** Name of Deployment, Service and registration: a DNS label that begins with a letter. */
  readonly name: string;
  /** Port on which the service is called. */
  readonly port: number;
  readonly registry: RegistryName;
  /**
   * `terminationGracePeriodSeconds`, whole seconds.
   * @default 30
   */
  readonly graceSeconds?: number | undefined;
  /**
   * Seconds that callers may be stale.
   * @default 5 for callers of the Service, or what the registry's adapter counts with where that is more (Nacos: 11)
   */
  readonly floorSeconds?: number | undefined;
  /**
   * Seconds of the longest request that has to be finished.
   * @default two fifths of what is before the reserve, which the SDK keeps for requests in flight
   */
  readonly longestRequestSeconds?: number | undefined;
  /**
   * Seconds that the closers take beyond the reserve.
   * @default 0
   */
  readonly closersSeconds?: number | undefined;
  /** @default NAME:1.0.0 */
  readonly image?: string | undefined;
  /** @default 2 */
  readonly replicas?: number | undefined;
  /** @default 9090 */
  readonly adminPort?: number | undefined;
  /** Name of a Secret whose key `token` guards the admin server. The hook is called by exec then. */
  readonly tokenSecret?: string | undefined;
  /**
   * Where the registry is: Consul's agent as a URL, Nacos' servers as `host:port`, the shared folder of the file
   * registry.
   * @default `http://$(HOST_IP):8500` (the node's agent), `nacos:8848`, `/registry`
   */
  readonly registryAddress?: string | undefined;
}

/** The options with their defaults, and the grace period taken apart. Seconds. */
export interface ManifestPlan {
  readonly name: string;
  readonly port: number;
  readonly registry: RegistryName;
  readonly image: string;
  readonly replicas: number;
  readonly adminPort: number;
  readonly tokenSecret: string | undefined;
  readonly registryAddress: string;
  readonly grace: number;
  /** How long callers may be stale, and are waited for at the least. */
  readonly floor: number;
  /** How long callers may go on coming. */
  readonly lateCallers: number;
  /** Kept for requests in flight. */
  readonly requests: number;
  readonly longestRequest: number;
  readonly closers: number;
  readonly reserve: number;
  /** Whether the SDK's own split of the time before the reserve is another one. */
  readonly ownSplit: boolean;
}

const LABEL = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const ADDRESSES: Readonly<Record<RegistryName, string>> = {
  consul: 'http://$(HOST_IP):8500',
  nacos: 'nacos:8848',
  file: '/registry',
  none: '',
};

/** @throws CliError `ERR_PRESTOP_CLI_MANIFEST` that names the option, the rule and the value. */
export function planManifest(options: ManifestOptions): ManifestPlan {
  const grace = options.graceSeconds ?? SDK_DEFAULTS.terminationGracePeriodSeconds;
  const longestRequest = options.longestRequestSeconds;
  const given = {
    name: options.name,
    port: options.port,
    registry: options.registry,
    image: options.image ?? `${options.name}:1.0.0`,
    replicas: options.replicas ?? 2,
    adminPort: options.adminPort ?? SDK_DEFAULTS.adminPort,
    tokenSecret: options.tokenSecret,
    registryAddress: options.registryAddress ?? ADDRESSES[options.registry],
    grace,
    floor: options.floorSeconds ?? defaultFloor(options.registry),
    closers: options.closersSeconds ?? 0,
    // Whole seconds, so that the sum beside the field is one.
    reserve: Math.ceil(defaultReserve(grace)),
  };
  checkGiven(given, longestRequest);
  const budget = grace - given.closers - given.reserve;
  const room = budget - given.floor;
  if (room < Math.max(1, longestRequest ?? 1)) throw tooShort(given, Math.max(1, longestRequest ?? 1));
  const share = Math.floor(budget * SDK_DEFAULTS.drainShare);
  const requests = Math.max(longestRequest ?? 1, Math.min(share, room));
  return {
    ...given,
    lateCallers: budget - requests,
    requests,
    longestRequest: longestRequest ?? requests,
    ownSplit: requests !== share,
  };
}

type Given = Omit<ManifestPlan, 'lateCallers' | 'requests' | 'longestRequest' | 'ownSplit'>;

function checkGiven(plan: Given, longestRequest: number | undefined): void {
  const rules: readonly (readonly [option: string, value: unknown, holds: boolean, rule: string])[] = [
    ['name', plan.name, LABEL.test(plan.name), 'a DNS label: a-z, 0-9 and -, beginning with a letter, at most 63'],
    ['port', plan.port, isWhole(plan.port, 1, 65_535), 'a whole number from 1 to 65535'],
    ['registry', plan.registry, REGISTRIES.includes(plan.registry), `one of ${REGISTRIES.join(', ')}`],
    ['grace', plan.grace, isWhole(plan.grace, 2, 86_400), 'whole seconds from 2 to 86400'],
    ['floor', plan.floor, isWhole(plan.floor, 0, 86_400), 'whole seconds from 0 to 86400'],
    ['longest-request', longestRequest, isWhole(longestRequest ?? 0, 0, 86_400), 'whole seconds from 0 to 86400'],
    ['closers', plan.closers, isWhole(plan.closers, 0, 86_400), 'whole seconds from 0 to 86400'],
    ['image', plan.image, /^[\w./:@-]+$/.test(plan.image), 'the name of an image'],
    ['replicas', plan.replicas, isWhole(plan.replicas, 1, 10_000), 'a whole number from 1 to 10000'],
    ['admin-port', plan.adminPort, isWhole(plan.adminPort, 1, 65_535), 'a whole number from 1 to 65535'],
    [
      'admin-port',
      plan.adminPort,
      plan.adminPort !== plan.port,
      'another one than --port: callers must not reach /prestop',
    ],
    ['token-secret', plan.tokenSecret, SUBDOMAIN.test(plan.tokenSecret ?? 'none'), 'the name of a Secret'],
    [
      'registry-address',
      plan.registryAddress,
      /^[\x21-\x7e]*$/.test(plan.registryAddress),
      'an address without spaces',
    ],
  ];
  for (const [option, value, holds, rule] of rules) {
    if (!holds) throw new CliError('ERR_PRESTOP_CLI_MANIFEST', `--${option} must be ${rule}, not "${String(value)}"`);
  }
}

/** A pod has callers of its Service as well, which know later than those of most registries. */
function defaultFloor(registry: RegistryName): number {
  return Math.max(SDK_DEFAULTS.floorSeconds, SDK_DEFAULTS.registryFloorSeconds[registry]);
}

function tooShort({ grace, floor, closers, reserve }: Given, longest: number): CliError {
  const closing = closers > 0 ? ` + ${closers} closers` : '';
  const total = floor + longest + closers + reserve;
  return new CliError(
    'ERR_PRESTOP_CLI_MANIFEST',
    `--grace ${grace} is too short: a termination takes up to ${total} s (${floor} floor + ${longest} longest request${closing} + ${reserve} reserve)`,
    { hint: `--grace ${leastGrace(floor + longest + closers)} is enough` },
  );
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
