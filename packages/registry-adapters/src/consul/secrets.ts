import { readFile } from 'node:fs/promises';
import { RegistryError } from '@prestop/core';

/** What a header can carry. */
export const TOKEN: RegExp = /^[\x21-\x7e]+$/;

/** The ACL token, or the file that holds it, and all secrets that have been sent so far. */
export class Secrets {
  readonly #registry: string;
  readonly #token: string | undefined;
  readonly #tokenFile: string | undefined;
  readonly #known = new Set<string>();

  constructor(
    registry: string,
    token: string | undefined,
    tokenFile: string | undefined,
    others: readonly (string | undefined)[],
  ) {
    this.#registry = registry;
    this.#token = token;
    this.#tokenFile = tokenFile;
    for (const secret of [token, ...others]) this.#learn(secret);
  }

  /** @throws RegistryError `auth` when the file cannot be read or does not hold a token. */
  async token(): Promise<string | undefined> {
    const path = this.#tokenFile;
    if (path === undefined) return this.#token;
    let token: string;
    try {
      token = (await readFile(path, 'utf8')).trim();
    } catch (cause) {
      const message = `the token cannot be read: ${(cause as Error).message} (option "tokenFile")`;
      throw new RegistryError(this.#registry, 'auth', message, { cause });
    }
    if (!TOKEN.test(token)) {
      const message = `the file ${path} must hold one token and nothing else; it holds ${token.length} characters (option "tokenFile")`;
      throw new RegistryError(this.#registry, 'auth', message);
    }
    this.#learn(token);
    return token;
  }

  redact(text: string): string {
    let redacted = text;
    for (const secret of this.#known) redacted = redacted.replaceAll(secret, '[redacted]');
    return redacted;
  }

  #learn(secret: string | undefined): void {
    if (secret === undefined || secret === '') return;
    this.#known.add(secret);
    this.#known.add(encodeURIComponent(secret));
  }
}
