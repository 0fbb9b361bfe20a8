import { optionRules } from '@prestop/core';
import type { ConsulOptions } from './options.ts';
import { TOKEN } from './secrets.ts';
import { type ConsulTls, readNamedFile, readNamedFolder } from './tls.ts';

/** The options that the variables of Consul's own command line can give. */
export type EnvironmentOptions = Pick<ConsulOptions, 'url' | 'token' | 'tokenFile' | 'tls' | 'namespace' | 'partition'>;

const OWNER = 'consul';

/**
 * Reads the variables that `consul` itself reads, with the same meaning; an empty one counts as not set.
 * https://developer.hashicorp.com/consul/commands#environment-variables
 *
 * @throws LifecycleError that names the variable, for a truth value that is none and a file that cannot be read.
 */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): EnvironmentOptions {
  const read = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const truth = (name: string): boolean | undefined => {
    const value = read(name);
    if (value === undefined) return undefined;
    if (/^(1|t|true)$/i.test(value)) return true;
    if (/^(0|f|false)$/i.test(value)) return false;
    throw optionRules.invalidOption(OWNER, `env.${name}`, 'true or false', value);
  };

  const url = addressOf(read('CONSUL_HTTP_ADDR'), truth('CONSUL_HTTP_SSL') ?? false, read('CONSUL_HTTP_AUTH'));
  const tls = tlsOf(read, truth('CONSUL_HTTP_SSL_VERIFY'));
  const [token, tokenFile] = [read('CONSUL_HTTP_TOKEN'), read('CONSUL_HTTP_TOKEN_FILE')];
  if (token !== undefined && !TOKEN.test(token)) {
    const rule = 'a token of printable characters, without spaces';
    throw optionRules.invalidOption(OWNER, 'env.CONSUL_HTTP_TOKEN', rule, '(not shown)');
  }
  const [namespace, partition] = [read('CONSUL_NAMESPACE'), read('CONSUL_PARTITION')];
  return {
    ...(url === undefined ? {} : { url }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    // As in Consul's own client: the token itself wins over the file.
    ...(token === undefined ? (tokenFile === undefined ? {} : { tokenFile }) : { token }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(partition === undefined ? {} : { partition }),
  };
}

/** `CONSUL_HTTP_ADDR` may be without a scheme, which `CONSUL_HTTP_SSL` then decides. */
function addressOf(address: string | undefined, secure: boolean, auth: string | undefined): string | undefined {
  if (address === undefined && !secure && auth === undefined) return undefined;
  const given = address ?? '127.0.0.1:8500';
  const url = given.includes('://') ? given : `${secure ? 'https' : 'http'}://${given}`;
  if (auth === undefined || !URL.canParse(url)) return url;
  const parsed = new URL(url);
  const [username = '', ...password] = auth.split(':');
  parsed.username = encodeURIComponent(username);
  parsed.password = encodeURIComponent(password.join(':'));
  return parsed.href;
}

function tlsOf(read: (name: string) => string | undefined, verify: boolean | undefined): ConsulTls {
  const text = (variable: string): string | undefined => {
    const path = read(variable);
    return path === undefined ? undefined : readNamedFile(OWNER, variable, path);
  };
  const folder = read('CONSUL_CAPATH');
  const authority = text('CONSUL_CACERT');
  const ca = authority ?? (folder === undefined ? undefined : readNamedFolder(OWNER, 'CONSUL_CAPATH', folder));
  const [cert, key] = [text('CONSUL_CLIENT_CERT'), text('CONSUL_CLIENT_KEY')];
  const servername = read('CONSUL_TLS_SERVER_NAME');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(verify === undefined ? {} : { rejectUnauthorized: verify }),
  };
}
