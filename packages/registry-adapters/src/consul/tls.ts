import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionRules } from '@prestop/core';

/** PEM text, or bytes. */
type Pem = string | Buffer;

/** TLS towards the agent, with the names that `node:tls` uses. */
export interface ConsulTls {
  /** Certificates of the authorities to trust, PEM. Default: those that Node trusts. */
  readonly ca?: Pem | readonly Pem[];
  /** Our own certificate, where the agent wants one (`verify_incoming`), PEM. */
  readonly cert?: Pem;
  /** Its private key, PEM. */
  readonly key?: Pem;
  /** Passphrase of the key. */
  readonly passphrase?: string;
  /** The name in the agent's certificate, where it is not the host of the URL: `server.dc1.consul`. */
  readonly servername?: string;
  /** `false` trusts whoever answers. Default `true`. */
  readonly rejectUnauthorized?: boolean;
}

const pem: optionRules.OptionRule = {
  rule: 'PEM text or a Buffer',
  holds: (value) => (typeof value === 'string' && value.includes('-----BEGIN ')) || Buffer.isBuffer(value),
};

const RULES: optionRules.OptionRules<ConsulTls> = {
  ca: optionRules.either(pem, optionRules.listOf(pem, 1)),
  cert: pem,
  key: optionRules.secret(pem),
  passphrase: optionRules.secret(optionRules.text()),
  servername: optionRules.text(),
  rejectUnauthorized: optionRules.flag,
};

/** @throws LifecycleError for an option that does not hold, and for one of `cert` and `key` without the other. */
export function checkTls(owner: string, tls: ConsulTls): void {
  optionRules.checkOptions<ConsulTls>(owner, tls, RULES, 'tls.');
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const missing = tls.cert === undefined ? 'tls.cert' : 'tls.key';
    throw optionRules.conflictingOptions(owner, missing, 'tls.cert and tls.key go together', undefined);
  }
}

/** The file named by an environment variable, as text. @throws LifecycleError that names the variable. */
export function readNamedFile(owner: string, variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw optionRules.invalidOption(owner, `env.${variable}`, `a file that can be read (${reason(error)})`, path);
  }
}

/** All files of a directory of authorities, as `CONSUL_CAPATH` names it. @throws LifecycleError as above. */
export function readNamedFolder(owner: string, variable: string, path: string): readonly string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => readFileSync(join(path, entry.name), 'utf8'));
  } catch (error) {
    throw optionRules.invalidOption(owner, `env.${variable}`, `a folder that can be read (${reason(error)})`, path);
  }
}

function reason(error: unknown): string {
  return (error as Error).message;
}
