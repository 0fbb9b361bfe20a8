import { Directory } from './directory.ts';
import type { FileInstance } from './entry.ts';
import { fileError } from './errors.ts';
import { livenessOf, thisProcess } from './process-identity.ts';

/**
 * The instances that are registered in `dir` now, in the order of their ids: what a consumer reads before it calls.
 * Entries of processes that are known to be dead are left out. Reads the directory at every call and caches nothing; a
 * consumer that reads every n milliseconds is up to n milliseconds behind (see `FileOptions.settleMs`).
 *
 * Files that this package has not written are passed over, so that other file_sd files may lie beside them.
 *
 * @param name Only the instances of this service. Default: of all.
 * @throws RegistryError when the directory cannot be read, or is not there before the last of its files was read: that is
 * no proof of an empty list.
 */
export async function readInstances(dir: string, name?: string): Promise<readonly FileInstance[]> {
  const directory = new Directory(dir);
  const here = thisProcess();
  try {
    const instances: FileInstance[] = [];
    for (const { instance, writer } of await directory.entries()) {
      if (name !== undefined && instance.name !== name) continue;
      if ((await livenessOf(writer, here)) !== 'dead') instances.push(instance);
    }
    return instances;
  } catch (thrown) {
    throw fileError('file', 'readInstances', dir, thrown);
  }
}
