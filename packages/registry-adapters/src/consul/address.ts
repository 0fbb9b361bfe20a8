import { optionRules } from '@prestop/core';

/** Where the agent is. */
export interface ConsulAddress {
  /** For the client: with credentials, and with `/v1` at its end. */
  readonly baseUrl: string;
  readonly socketPath: string | undefined;
  /** For people: without credentials. */
  readonly shown: string;
  /** The password of basic authentication, for redaction. */
  readonly password: string | undefined;
}

const RULE =
  'the URL of a Consul agent: http://host:port, https://host:port or unix:///path/of/the.socket, without a query';

/** @throws LifecycleError that shows no credentials. */
export function parseAddress(owner: string, option: string, url: string): ConsulAddress {
  try {
    return addressOf(new URL(url));
  } catch {
    throw optionRules.invalidOption(owner, option, RULE, withoutCredentials(url));
  }
}

function addressOf(url: URL): ConsulAddress {
  const { protocol, host, pathname, search, hash } = url;
  if (search !== '' || hash !== '') throw new TypeError('no place for a query');
  if (protocol === 'unix:' && host === '' && pathname.length > 1) {
    const socketPath = decodeURIComponent(pathname);
    return { baseUrl: 'http://127.0.0.1/v1', socketPath, shown: `unix://${socketPath}`, password: undefined };
  }
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError('not the scheme of a Consul agent');
  const password = decodeURIComponent(url.password);
  decodeURIComponent(url.username);
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return {
    baseUrl: `${withoutSlash(url)}/v1`,
    socketPath: undefined,
    shown: withoutSlash(shown),
    password: password === '' ? undefined : password,
  };
}

function withoutSlash(url: URL): string {
  return url.href.replace(/\/+$/, '');
}

function withoutCredentials(url: string): string {
  return url.replace(/^([^/]*\/\/)?[^/]*@/, '$1');
}
