import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SDK_DEFAULTS } from '../defaults.ts';
import { CliError, systemMessage } from '../errors.ts';
import type { Io } from '../io.ts';

/** What a header can carry and the SDK accepts. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * The token from a file (a mounted Secret; white space around it does not count) or else from `PRESTOP_TOKEN`; undefined
 * where neither is given. It is never part of a message.
 *
 * @throws CliError `ERR_PRESTOP_CLI_TOKEN` for a file that cannot be read, and for a token that no header can carry.
 */
export async function readToken(file: string | undefined, from: Pick<Io, 'env' | 'cwd'>): Promise<string | undefined> {
  if (file === undefined) {
    const token = from.env[SDK_DEFAULTS.tokenSetting];
    return token === undefined || token === '' ? undefined : checked(token, SDK_DEFAULTS.tokenSetting);
  }
  let text: string;
  try {
    text = await readFile(resolve(from.cwd, file), 'utf8');
  } catch (error) {
    throw new CliError('ERR_PRESTOP_CLI_TOKEN', `cannot read the token file ${file}: ${systemMessage(error)}`, {
      cause: error,
    });
  }
  return checked(text.trim(), file);
}

function checked(token: string, origin: string): string {
  if (TOKEN.test(token)) return token;
  const seen = token === '' ? 'it is empty' : `it has ${token.length} characters, some of which are not visible ASCII`;
  throw new CliError('ERR_PRESTOP_CLI_TOKEN', `the token in ${origin} must be visible ASCII characters: ${seen}`);
}
