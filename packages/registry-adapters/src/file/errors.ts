import { RegistryError, type RegistryErrorKind } from '@prestop/core';

const KINDS: Readonly<Record<string, RegistryErrorKind>> = {
  EACCES: 'auth',
  EPERM: 'auth',
  EROFS: 'invalid',
  ENOTDIR: 'invalid',
  ENAMETOOLONG: 'invalid',
  ELOOP: 'invalid',
};

const MENDING: Readonly<Record<string, string>> = {
  EACCES: 'give this user the right to read, write and enter the directory',
  EPERM: 'give this user the right to read, write and enter the directory',
  EROFS: 'mount a volume there that can be written',
  ENOTDIR: 'a part of the path is a file; choose another directory',
  ENOENT: 'make the directory, or let register() make it',
  ENOSPC: 'the volume is full; free some space',
};

/** An error of the file system, as `RegistryError`: kind `auth` for missing rights, `invalid` for what time cannot mend. */
export function fileError(registry: string, call: string, directory: string, thrown: unknown): RegistryError {
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  const mending = MENDING[code] === undefined ? '' : `; ${MENDING[code]}`;
  return new RegistryError(registry, KINDS[code] ?? 'unavailable', `${call} in ${directory}: ${message}${mending}`, {
    cause: thrown,
  });
}
