import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { output } from '../node/command.ts';

/** Copies a file of this machine into the folder of an image. */
export function put(folder: string, from: string, to: string): void {
  mkdirSync(dirname(join(folder, to)), { recursive: true });
  cpSync(realpathSync(from), join(folder, to));
}

/**
 * Copies the libraries that a program loads to where it looks for them.
 *
 * @throws Error that names the library which this machine does not have.
 */
export async function putLibraries(folder: string, program: string): Promise<void> {
  const loaded = await output('ldd', [program]);
  const [, missing] = /(\S+) => not found/.exec(loaded) ?? [];
  if (missing !== undefined) throw new Error(`${program} needs ${missing}, which is not installed`);
  const libraries = [...loaded.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  // What a program brings with it is there already.
  for (const library of libraries.filter((path) => !path.startsWith(folder))) put(folder, library, library);
}
