import { constants } from 'node:os';
import { DEFAULTS, EXIT_MARGIN_MS } from './defaults.ts';
import type { Logger } from './logger.ts';
import { LONG_LIVED_RULES, type LongLivedOptions } from './long-lived.ts';
import {
  callback,
  checkOptions,
  conflictingOptions,
  either,
  exactly,
  integer,
  invalidOption,
  listOf,
  number,
  type OptionRule,
  type OptionRules,
  oneOf,
  optionsObject,
  port,
  secret,
  text,
} from './option-rules.ts';
import type { QuietRule } from './quiet.ts';
import type { RegistryAdapter } from './registry.ts';
import { type RequestHead, UNCOUNTED_USER_AGENTS } from './request-classifier.ts';

export interface AdminOptions {
  /** TCP port, 0 to let the system choose. Default 9090. The same number stands in the manifest's hook and probes. */
  readonly port?: number;
  /**
   * Address to listen on. Default: the unspecified address, since the kubelet calls the pod's IP, which may be IPv6;
   * loopback cannot be reached by an `httpGet` hook.
   */
  readonly host?: string;
  /**
   * When given, every endpoint but `/livez` and `/readyz` asks for it in `x-prestop-token` or as a bearer token. The kubelet
   * can send one (`httpGet.httpHeaders`) from 1.26 on. Default: none; keep the port out of every Service.
   */
  readonly token?: string | undefined;
}

export interface QuietOptions {
  /** Shortest silence that counts as quiet, in milliseconds. Default 1000. */
  readonly minMs?: number;
  /** Longest silence that is waited for, in milliseconds. Default 5000. */
  readonly maxMs?: number;
  /** How many requests must have failed to come, at the observed rate. Default 7. */
  readonly missedRequests?: number;
}

/** Every option of {@link createLifecycle}; all have defaults. Public contract: `docs/options.md`. */
export interface LifecycleOptions {
  /**
   * The pod's `terminationGracePeriodSeconds`, the same number as in the manifest: nothing tells a process what it is.
   * Default 30, as in Kubernetes.
   */
  readonly terminationGracePeriodSeconds?: number;
  /**
   * Kept at the end of the grace period for closers, report and exit, in milliseconds: requests are cut that long
   * before SIGKILL. At least 200. Default 5000, but not more than a fifth of the grace period.
   */
  readonly reserveMs?: number;
  /** Where the instance is registered; several are asked in parallel. Default: nowhere. */
  readonly registry?: RegistryAdapter | readonly RegistryAdapter[];
  /**
   * Longest phase `deregistering`, in milliseconds; after it the service goes on and the registry is asked beside it.
   * Default 5000, but not more than a quarter of the budget.
   */
  readonly deregistrationMs?: number;
  /**
   * How long to serve after the instance is gone, at the least, in milliseconds: the staleness of the most stale caller.
   * Default: the largest `settleMs` of the registries; without a registry 5000, for kube-proxy and
   * ingresses, or what the budget has room for.
   */
  readonly floorMs?: number;
  /** Kept for draining when the callers never stop, in milliseconds. Default: two fifths of the budget. */
  readonly minDrainMs?: number;
  /** When the service counts as quiet. */
  readonly quiet?: QuietOptions;
  /** What becomes of event streams, tunnels and upgraded sockets when the service drains. Default: waited for. */
  readonly longLived?: LongLivedOptions;
  /** The server for the kubelet; `false` for none. Default: port 9090 on the unspecified address. */
  readonly admin?: AdminOptions | false;
  /** Signals that terminate. Default SIGTERM and SIGINT. An empty list leaves signals alone. */
  readonly signals?: readonly NodeJS.Signals[];
  /**
   * What `/readyz` answers while a terminating service still serves. `'fail'` (default): 503 from the start, for load
   * balancers with their own checks. `'serve'`: 200 until it stops, since three failed probes take `serving` away from
   * an endpoint that kube-proxy may still need.
   */
  readonly readyzWhileServing?: 'fail' | 'serve';
  /**
   * How long after the answer to `/prestop` a signal is waited for, in milliseconds, before the service registers again
   * and is ready again: the hook also runs before restarts in place, and anybody can call it. Default 10000.
   */
  readonly resumeAfterMs?: number;
  /** User agents, by prefix, whose requests are not counted. Default: probes, hooks, registry and load balancer checks, scrapes. */
  readonly uncountedUserAgents?: readonly string[];
  /** The last word on requests that would be counted. Default: counted. */
  readonly isCounted?: (request: RequestHead) => boolean;
  /** `'terminate'`: an uncaught exception or rejection runs the termination and exits with code 73. Default `'ignore'`. */
  readonly faults?: 'ignore' | 'terminate';
  /**
   * `'listening'` (default): registers by itself as soon as every attached server listens. `'manual'`: when `start()` is
   * called.
   */
  readonly start?: 'listening' | 'manual';
  /** Receives every event as an object and a message, as pino does; `false` for none. Default: JSON lines on stdout. */
  readonly logger?: Logger | false;
  /** File for the container's termination message, written if it exists; `false` for none. Default `/dev/termination-log`. */
  readonly terminationMessagePath?: string | false;
  /** Ends the process. Default `process.exit`. */
  readonly exit?: (code: number) => void;
}

/** The options with every default filled in and every relation checked. */
export interface ResolvedOptions {
  readonly graceMs: number;
  readonly terminationGracePeriodSeconds: number;
  /** Requests are cut this long after the start of the termination. */
  readonly budgetMs: number;
  /** The process has exited this long after the start of the termination. */
  readonly exitMs: number;
  readonly registries: readonly RegistryAdapter[];
  readonly deregistrationMs: number;
  readonly floorMs: number;
  readonly minDrainMs: number;
  readonly quiet: QuietRule;
  readonly longLived: Required<LongLivedOptions>;
  readonly admin: AdminOptions | false;
  readonly signals: readonly NodeJS.Signals[];
  readonly readyzWhileServing: 'fail' | 'serve';
  readonly resumeAfterMs: number;
  readonly uncountedUserAgents: readonly string[];
  readonly isCounted: ((request: RequestHead) => boolean) | undefined;
  readonly faults: 'ignore' | 'terminate';
  readonly start: 'listening' | 'manual';
  readonly logger: Logger | false | undefined;
  readonly terminationMessagePath: string | false;
  readonly exit: ((code: number) => void) | undefined;
}

const OWNER = 'createLifecycle';
const DAY_MS = 86_400_000;
const milliseconds = integer('milliseconds', 0, DAY_MS);
const adapter: OptionRule = {
  rule: 'a registry adapter (name, settleMs, register, deregister, check, close)',
  holds: isAdapter,
};
const signalName: OptionRule = {
  rule: 'the name of a signal that can be handled',
  holds: (value) => typeof value === 'string' && value in constants.signals && !['SIGKILL', 'SIGSTOP'].includes(value),
};

/** Every option and its rule; `docs/options.md` lists the same names, by test. */
export const OPTION_RULES: OptionRules<LifecycleOptions> = {
  terminationGracePeriodSeconds: integer('seconds', 2, 86_400),
  // With less, the process could not have ended before SIGKILL.
  reserveMs: integer('milliseconds', 200, DAY_MS),
  registry: either(adapter, listOf(adapter)),
  deregistrationMs: milliseconds,
  floorMs: milliseconds,
  minDrainMs: milliseconds,
  quiet: optionsObject,
  longLived: optionsObject,
  // A token that is given in place of the options must not be printed.
  admin: secret(either(optionsObject, exactly(false))),
  signals: listOf(signalName),
  readyzWhileServing: oneOf('fail', 'serve'),
  resumeAfterMs: integer('milliseconds', 1, DAY_MS),
  uncountedUserAgents: listOf(text()),
  isCounted: callback,
  faults: oneOf('ignore', 'terminate'),
  start: oneOf('listening', 'manual'),
  logger: either({ rule: 'a logger (info, warn, error)', holds: isLogger }, exactly(false)),
  terminationMessagePath: either(text(), exactly(false)),
  exit: callback,
};

export const QUIET_RULES: OptionRules<QuietOptions> = {
  minMs: integer('milliseconds', 1, DAY_MS),
  maxMs: integer('milliseconds', 1, DAY_MS),
  missedRequests: number('of requests', 1, 100),
};

export const ADMIN_RULES: OptionRules<AdminOptions> = {
  port,
  host: text(),
  token: secret(text('a string of at least 8 visible ASCII characters', /^[\x21-\x7e]{8,}$/)),
};

/**
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID` or `ERR_PRESTOP_OPTION_CONFLICT`,
 * with the option, the rule and the value.
 */
export function resolveOptions(options: LifecycleOptions = {}): ResolvedOptions {
  checkOptions(OWNER, options, OPTION_RULES);
  if (options.quiet) checkOptions(OWNER, options.quiet, QUIET_RULES, 'quiet.');
  if (options.longLived) checkOptions(OWNER, options.longLived, LONG_LIVED_RULES, 'longLived.');
  if (options.admin) checkOptions(OWNER, options.admin, ADMIN_RULES, 'admin.');

  const terminationGracePeriodSeconds = options.terminationGracePeriodSeconds ?? DEFAULTS.terminationGracePeriodSeconds;
  const graceMs = terminationGracePeriodSeconds * 1_000;
  const reserveMs = options.reserveMs ?? Math.min(DEFAULTS.reserveMs, graceMs * DEFAULTS.reserveShare);
  const budgetMs = graceMs - reserveMs;
  if (budgetMs < 1_000) {
    const rule = `it must leave at least 1000 ms of the grace period (${graceMs} ms) for requests`;
    throw conflictingOptions(OWNER, 'reserveMs', rule, reserveMs);
  }
  const registries = listAdapters(options.registry);
  const minDrainMs = options.minDrainMs ?? Math.round(budgetMs * DEFAULTS.drainShare);
  const deregistrationMs =
    options.deregistrationMs ??
    Math.min(DEFAULTS.deregistrationMs, Math.round(budgetMs * DEFAULTS.deregistrationShare));
  if (minDrainMs >= budgetMs) {
    const rule = `it must be shorter than the budget of ${budgetMs} ms (grace period less reserve)`;
    throw conflictingOptions(OWNER, 'minDrainMs', rule, minDrainMs);
  }
  const settleMs = Math.max(0, ...registries.map((registry) => registry.settleMs));
  const floorMs =
    options.floorMs ?? (registries.length > 0 ? settleMs : Math.min(DEFAULTS.endpointsSettleMs, budgetMs - minDrainMs));
  if (floorMs + minDrainMs > budgetMs) {
    const option = options.floorMs === undefined && registries.length > 0 ? 'registry' : 'floorMs';
    const rule = `a floor of ${floorMs} ms and ${minDrainMs} ms for draining must fit into the budget of ${budgetMs} ms; raise terminationGracePeriodSeconds`;
    throw conflictingOptions(OWNER, option, rule, floorMs);
  }
  if (deregistrationMs > budgetMs - minDrainMs) {
    const rule = `it must fit into the budget less minDrainMs, ${budgetMs - minDrainMs} ms`;
    throw conflictingOptions(OWNER, 'deregistrationMs', rule, deregistrationMs);
  }
  const quiet = { ...DEFAULTS.quiet, ...definedOf(options.quiet ?? {}) };
  if (quiet.minMs > quiet.maxMs) {
    throw conflictingOptions(
      OWNER,
      'quiet.minMs',
      `it must not be longer than quiet.maxMs (${quiet.maxMs})`,
      quiet.minMs,
    );
  }
  return {
    graceMs,
    terminationGracePeriodSeconds,
    budgetMs,
    exitMs: graceMs - Math.min(EXIT_MARGIN_MS, reserveMs / 2),
    registries,
    deregistrationMs,
    floorMs,
    minDrainMs,
    quiet,
    longLived: { ...DEFAULTS.longLived, ...definedOf(options.longLived ?? {}) },
    admin: options.admin === false ? false : { ...DEFAULTS.admin, ...definedOf(options.admin ?? {}) },
    signals: options.signals ?? DEFAULTS.signals,
    readyzWhileServing: options.readyzWhileServing ?? 'fail',
    resumeAfterMs: options.resumeAfterMs ?? DEFAULTS.resumeAfterMs,
    uncountedUserAgents: options.uncountedUserAgents ?? UNCOUNTED_USER_AGENTS,
    isCounted: options.isCounted,
    faults: options.faults ?? 'ignore',
    start: options.start ?? 'listening',
    logger: options.logger,
    terminationMessagePath: options.terminationMessagePath ?? '/dev/termination-log',
    exit: options.exit,
  };
}

function listAdapters(given: LifecycleOptions['registry']): readonly RegistryAdapter[] {
  const registries = given === undefined ? [] : [given].flat();
  const names = new Set<string>();
  for (const { name } of registries) {
    if (names.has(name)) throw invalidOption(OWNER, 'registry', 'adapters with different names', name);
    names.add(name);
  }
  return registries as readonly RegistryAdapter[];
}

/** An option that is given as `undefined` counts as not given. */
function definedOf<Options extends object>(options: Options): { [Name in keyof Options]: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function isAdapter(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, settleMs, register, deregister, check, close } = value as Partial<RegistryAdapter>;
  const methods = [register, deregister, check, close];
  return (
    typeof name === 'string' &&
    name !== '' &&
    typeof settleMs === 'number' &&
    settleMs >= 0 &&
    Number.isFinite(settleMs) &&
    methods.every((method) => typeof method === 'function')
  );
}

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { info, warn, error } = value as Partial<Logger>;
  return [info, warn, error].every((method) => typeof method === 'function');
}
