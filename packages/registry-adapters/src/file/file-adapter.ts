import { type RegistryAdapter, type RegistryCallOptions, RegistryError, type Sighting } from '@prestop/core';
import { aborted, unlessAborted } from '../abort.ts';
import { hostAndPort } from '../instance-rules.ts';
import { localAddress } from '../local-address.ts';
import { Serial } from '../serial.ts';
import { Directory, fileOf } from './directory.ts';
import type { FileInstance } from './entry.ts';
import { fileError } from './errors.ts';
import { checkFileOptions, type FileOptions } from './options.ts';
import { isSameProcess, livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { readInstances } from './read-instances.ts';

/** For a consumer that reads the directory once a second. */
const SETTLE_MS = 1_000;

/**
 * A registry that needs no server: a directory with one file an instance, in the format of Prometheus' file-based
 * service discovery. Good for one machine, for a volume that all instances mount, for demos and for tests.
 *
 * - Files appear and vanish whole, and any number of processes may work in the directory at once.
 * - There are no heartbeats. An entry names the process that wrote it; {@link readInstances} passes over the entries of
 *   dead processes of its own host, and the next `register` on that host removes them. The entry of a host that died
 *   stays until somebody registers under the same id.
 * - `check` says `'unknown'` when the directory is missing or cannot be read.
 *
 * It does not tell consumers of a change: they read the directory. The usual mistake is a `settleMs` below the pause
 * between two of their reads. Prometheus itself only scrapes; it is no caller to wait for.
 *
 * @throws LifecycleError for an option that does not hold or a directory that cannot be made or written.
 */
export function file(options: FileOptions): RegistryAdapter {
  checkFileOptions(options);
  return new FileAdapter(options);
}

class FileAdapter implements RegistryAdapter {
  readonly name: string;
  readonly settleMs: number;
  readonly #directory: Directory;
  readonly #instance: FileInstance;
  readonly #serial = new Serial();

  constructor(options: FileOptions) {
    const { dir, name, port, host = localAddress(), labels = {} } = options;
    this.name = options.registryName ?? 'file';
    this.settleMs = options.settleMs ?? SETTLE_MS;
    this.#directory = new Directory(dir);
    this.#instance = {
      name,
      id: options.id ?? `${name}-${host}-${port}`,
      host,
      port,
      target: hostAndPort(host, port),
      labels: { service: name, ...labels },
    };
  }

  register({ signal }: RegistryCallOptions): Promise<void> {
    return this.#call('register', signal, async () => {
      const writer = thisProcess();
      await this.#directory.create();
      await this.#sweep(writer);
      await this.#directory.write({ instance: this.#instance, writer }, signal);
    });
  }

  deregister({ signal }: RegistryCallOptions): Promise<'removed' | 'absent'> {
    return this.#call('deregister', signal, async () => {
      // Another process may have registered under this id since: a restart in place. Its entry is not ours to remove.
      const here = thisProcess();
      const file = fileOf(this.#instance.id);
      const removed = await this.#directory.removeIf(file, ({ writer }) => isSameProcess(writer, here));
      return removed ? 'removed' : 'absent';
    });
  }

  async check({ signal }: RegistryCallOptions): Promise<Sighting> {
    const { name, id, target } = this.#instance;
    if (signal.aborted) throw aborted(this.name, 'check', signal);
    try {
      const instances = await readInstances(this.#directory.path, name);
      return instances.some((found) => found.id === id && found.target === target) ? 'visible' : 'gone';
    } catch {
      // A directory that cannot be read proves nothing; register() and deregister() say what is wrong with it.
      return 'unknown';
    }
  }

  /** Nothing is held between two calls. */
  async close(): Promise<void> {}

  /** Removes what dead processes left behind. */
  async #sweep(here: ProcessIdentity): Promise<void> {
    for (const found of await this.#directory.list()) {
      try {
        await this.#directory.removeIf(found, async ({ writer }) => (await livenessOf(writer, here)) === 'dead');
      } catch {
        // Somebody else's file that this user may not touch is no reason not to register.
      }
    }
    await this.#directory.removeAbandoned();
  }

  async #call<Result>(call: string, signal: AbortSignal, operation: () => Promise<Result>): Promise<Result> {
    const giveUp = (): RegistryError => aborted(this.name, call, signal);
    const turn = (before: Promise<unknown>): Promise<unknown> => unlessAborted(before, signal, giveUp);
    try {
      return await this.#serial.run(turn, operation);
    } catch (thrown) {
      if (thrown instanceof RegistryError) throw thrown;
      throw signal.aborted ? giveUp() : fileError(this.name, call, this.#directory.path, thrown);
    }
  }
}
