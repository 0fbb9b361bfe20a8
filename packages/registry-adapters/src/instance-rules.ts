import { isIPv6 } from 'node:net';
import { optionRules } from '@prestop/core';

type OptionRule = optionRules.OptionRule;

/** Rules for what every registry calls an instance; the narrowest that DNS, file names and URLs have in common. */
export const serviceName: OptionRule = optionRules.text(
  'a service name: up to 128 letters, digits, ".", "_" and "-", beginning with a letter or digit',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
);

export const instanceId: OptionRule = optionRules.text(
  'an instance id: up to 128 letters, digits, ".", "_", ":" and "-", beginning with a letter or digit',
  /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/,
);

/** A port that callers can be told; 0 is none. */
export const instancePort: OptionRule = {
  rule: 'a TCP port, a whole number from 1 to 65535',
  holds: (value) => value !== 0 && optionRules.port.holds(value),
};

export const instanceHost: OptionRule = {
  rule: 'an IP address or a host name, without a port',
  holds: (value) =>
    typeof value === 'string' && (isIPv6(value) || /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value)),
};

export const registryName: OptionRule = optionRules.text();

/** How long a consumer may go on after the removal; an hour is more than any grace period. */
export const settleMs: OptionRule = optionRules.integer('milliseconds', 0, 3_600_000);

/** @throws LifecycleError `ERR_PRESTOP_OPTION_INVALID` for the first of `names` that was not given. */
export function requireOptions<Options extends object>(
  owner: string,
  options: Options,
  rules: optionRules.OptionRules<Options>,
  ...names: readonly (keyof Options & string)[]
): void {
  for (const name of names) {
    if (options[name] === undefined) throw optionRules.invalidOption(owner, name, rules[name].rule, undefined);
  }
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export function hostAndPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
