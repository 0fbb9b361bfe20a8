import { mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CliError, systemMessage } from './errors.ts';

/**
 * Puts another text into a file, whole or not at all; mode and symbolic links stay.
 *
 * @throws CliError `ERR_PRESTOP_CLI_OUTPUT`
 */
export async function replaceFile(cwd: string, file: string, text: string): Promise<void> {
  try {
    const target = await realpath(resolve(cwd, file));
    const { mode } = await stat(target);
    const draft = `${target}.${process.pid}.tmp`;
    try {
      await writeFile(draft, text, { mode });
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    throw new CliError('ERR_PRESTOP_CLI_OUTPUT', `cannot write ${file}: ${systemMessage(error)}`, { cause: error });
  }
}

/**
 * Writes new files below a folder, which is made if it is not there. Messages name the folder as it was given.
 *
 * @throws CliError `ERR_PRESTOP_CLI_OUTPUT`, also for a file that is there already unless `overwrite`.
 */
export async function writeNewFiles(
  cwd: string,
  folder: string,
  files: readonly { readonly path: string; readonly text: string }[],
  overwrite: boolean,
): Promise<void> {
  for (const { path } of overwrite ? [] : files) {
    const there = await stat(resolve(cwd, folder, path)).then(
      () => true,
      () => false,
    );
    if (there) {
      const hint = '--force overwrites it';
      throw new CliError('ERR_PRESTOP_CLI_OUTPUT', `${join(folder, path)} exists already; nothing was written`, {
        hint,
      });
    }
  }
  for (const { path, text } of files) {
    const target = resolve(cwd, folder, path);
    try {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
    } catch (error) {
      const message = `cannot write ${join(folder, path)}: ${systemMessage(error)}`;
      throw new CliError('ERR_PRESTOP_CLI_OUTPUT', message, { cause: error });
    }
  }
}
