import { optionRules } from '@prestop/core';

/** Port of Nacos' HTTP API when a server is given without one. */
const DEFAULT_PORT = 8848;

const RULE =
  'servers as "host", "host:port" or "http(s)://host:port", in a list or separated by commas, all with the same scheme, without a path';

/**
 * The origins (`http://10.0.0.5:8848`) of the servers that `given` names, without duplicates.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_INVALID` that names the entry at fault. Credentials in an address are
 * refused and not shown: they would end in logs.
 */
export function parseServerList(owner: string, given: string | readonly string[]): readonly string[] {
  const entries = (typeof given === 'string' ? given.split(',') : given).map((entry) => entry.trim());
  const origins = entries.map((entry) => {
    const origin = toOrigin(entry);
    if (origin === undefined) throw optionRules.invalidOption(owner, 'serverList', RULE, withoutCredentials(entry));
    return origin;
  });
  const distinct = [...new Set(origins)];
  if (distinct.length === 0 || new Set(distinct.map((origin) => new URL(origin).protocol)).size > 1) {
    throw optionRules.invalidOption(owner, 'serverList', RULE, distinct.join(', '));
  }
  return distinct;
}

function toOrigin(entry: string): string | undefined {
  const text = entry.includes('://') ? entry : `http://${entry}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const bare =
    url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!/^https?:$/.test(url.protocol) || url.hostname === '' || !bare) return undefined;
  // `new URL` drops the scheme's own port, and 8848 is only the default where no port was written.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  const port = written ?? (entry.includes('://') ? schemePort(url.protocol) : DEFAULT_PORT);
  return `${url.protocol}//${url.hostname}:${port}`;
}

function schemePort(protocol: string): number {
  return protocol === 'https:' ? 443 : DEFAULT_PORT;
}

function withoutCredentials(entry: string): string {
  return entry.replace(/[^/@]*@/, '[redacted]@');
}
