import { optionRules } from '@prestop/core';
import { hostAndPort } from '../instance-rules.ts';

/** How Consul knows that the instance lives. */
export type ConsulCheck = ConsulTtlCheck | ConsulHttpCheck;

/** The instance says so itself, over and over; Consul takes it for critical once it has been silent. */
export interface ConsulTtlCheck {
  readonly type: 'ttl';
  /** Longest silence, in milliseconds, 1,000 to a day. Default 15,000. */
  readonly ttlMs?: number;
  /** Time between two heartbeats, in milliseconds, from 50; less than `ttlMs`. Default: a third of `ttlMs`. */
  readonly heartbeatMs?: number;
}

/**
 * The agent asks over HTTP; any 2xx is good. The instance counts as good until the first answer, since it is registered
 * only when it serves. Do not point it at `/readyz`: that tells the machinery around the pod not to send more, and
 * deregistration is what tells Consul.
 */
export interface ConsulHttpCheck {
  readonly type: 'http';
  /** What to get: a URL, or a path on the instance's own address and port (`/livez`). */
  readonly url: string;
  /** Time between two checks, in milliseconds, from 1,000. Default 10,000. */
  readonly intervalMs?: number;
  /** Longest time for an answer, in milliseconds; at most `intervalMs`. Default 2,000, or `intervalMs` if that is less. */
  readonly timeoutMs?: number;
  /** `false` trusts any certificate. Default `true`. */
  readonly verifyTls?: boolean;
  /**
   * How often the adapter looks whether the agent still knows the instance, to register it again if it does not; in
   * milliseconds, from 50. Default 5,000.
   */
  readonly heartbeatMs?: number;
}

/** With every default filled in. */
export type FullCheck = Required<ConsulTtlCheck> | Required<ConsulHttpCheck>;

const DAY_MS = 86_400_000;
const TTL_MS = 15_000;
const INTERVAL_MS = 10_000;
const TIMEOUT_MS = 2_000;
const HEARTBEAT_MS = 5_000;

const type = optionRules.oneOf('ttl', 'http');
const heartbeatMs = optionRules.integer('milliseconds', 50, DAY_MS);

const TTL_RULES: optionRules.OptionRules<ConsulTtlCheck> = {
  type,
  ttlMs: optionRules.integer('milliseconds', 1_000, DAY_MS),
  heartbeatMs,
};

const HTTP_RULES: optionRules.OptionRules<ConsulHttpCheck> = {
  type,
  url: optionRules.text('an http:// or https:// URL, or a path that begins with "/"', /^(https?:\/\/[^/\s]+|\/)\S*$/),
  intervalMs: optionRules.integer('milliseconds', 1_000, DAY_MS),
  timeoutMs: optionRules.integer('milliseconds', 1, DAY_MS),
  verifyTls: optionRules.flag,
  heartbeatMs,
};

/** @throws LifecycleError for the first option that is unknown, does not hold, is missing or conflicts with another. */
export function checkConsulCheck(owner: string, check: ConsulCheck): void {
  if (!type.holds(check.type)) throw optionRules.invalidOption(owner, 'check.type', type.rule, check.type);
  if (check.type === 'ttl') {
    optionRules.checkOptions<ConsulTtlCheck>(owner, check, TTL_RULES, 'check.');
    const { ttlMs, heartbeatMs } = fullTtl(check);
    if (heartbeatMs >= ttlMs) {
      const rule = `must be less than check.ttlMs, ${ttlMs}`;
      throw optionRules.conflictingOptions(owner, 'check.heartbeatMs', rule, heartbeatMs);
    }
    return;
  }
  optionRules.checkOptions<ConsulHttpCheck>(owner, check, HTTP_RULES, 'check.');
  if (check.url === undefined) throw optionRules.invalidOption(owner, 'check.url', HTTP_RULES.url.rule, undefined);
  const { intervalMs = INTERVAL_MS, timeoutMs = 0 } = check;
  if (timeoutMs > intervalMs) {
    const rule = `must be at most check.intervalMs, ${intervalMs}`;
    throw optionRules.conflictingOptions(owner, 'check.timeoutMs', rule, timeoutMs);
  }
}

export function fullCheck(check: ConsulCheck, address: string, port: number): FullCheck {
  if (check.type === 'ttl') return fullTtl(check);
  const { intervalMs = INTERVAL_MS, timeoutMs = Math.min(TIMEOUT_MS, intervalMs) } = check;
  const { verifyTls = true, heartbeatMs = HEARTBEAT_MS } = check;
  const url = check.url.startsWith('/') ? `http://${hostAndPort(address, port)}${check.url}` : check.url;
  return { type: 'http', url, intervalMs, timeoutMs, verifyTls, heartbeatMs };
}

function fullTtl({ ttlMs = TTL_MS, heartbeatMs = Math.floor(ttlMs / 3) }: ConsulTtlCheck): Required<ConsulTtlCheck> {
  return { type: 'ttl', ttlMs, heartbeatMs };
}
