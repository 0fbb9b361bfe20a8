import { SDK_DEFAULTS } from '../defaults.ts';

/**
 * The header with which a hook shows the token of the SDK's admin server, as the `httpHeaders` of its manifest do; nothing
 * for a service that is given none.
 */
export function tokenHeaders(env: Readonly<Record<string, string | undefined>>): {
  readonly headers?: Readonly<Record<string, string>>;
} {
  const token = env[SDK_DEFAULTS.tokenSetting];
  return token === undefined || token === '' ? {} : { headers: { [SDK_DEFAULTS.tokenHeader]: token } };
}
