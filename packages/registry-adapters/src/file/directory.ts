import { randomUUID } from 'node:crypto';
import { link, lstat, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeEntry, type Entry, encodeEntry } from './entry.ts';

const SUFFIX = '.json';
/** Neither a reader of `*.json` nor Prometheus looks at these. */
const TEMPORARY = /^\.prestop-.*\.tmp$/;
/** A temporary file exists for milliseconds; after this long its writer has crashed. */
const ABANDONED_MS = 60_000;

/** The directory's files and how several processes change them at once without locks. */
export class Directory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true });
  }

  /** File names of all entries, ours and others'. Rejects when the directory cannot be read. */
  async list(): Promise<readonly string[]> {
    return (await readdir(this.path)).filter((file) => file.endsWith(SUFFIX) && !file.startsWith('.')).sort();
  }

  /**
   * All entries of ours, in the order of their files. A file that is gone when its turn comes was removed only if the
   * directory is still there without it: a directory that was taken away meanwhile is no empty one.
   *
   * Rejects when the directory cannot be read.
   */
  async entries(): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    const missing: string[] = [];
    for (const file of await this.list()) {
      const text = await readText(join(this.path, file));
      const entry = text === undefined ? undefined : decodeEntry(text);
      if (entry !== undefined) found.push(entry);
      if (text === undefined) missing.push(file);
    }
    if (missing.length === 0) return found;
    const listed = await this.list();
    return missing.some((file) => listed.includes(file)) ? this.entries() : found;
  }

  /** Whole or not at all: written beside it, then renamed over whatever is there. */
  async write(entry: Entry, signal: AbortSignal): Promise<void> {
    const temporary = this.#temporary();
    try {
      await writeFile(temporary, encodeEntry(entry), { flag: 'wx', signal });
      signal.throwIfAborted();
      await rename(temporary, join(this.path, fileOf(entry.instance.id)));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /**
   * Removes a file if its entry `matches`, and only that entry. Between a look and an unlink another process may have
   * put its own entry there, so the file is first taken aside under a name that nobody else knows, looked at again, and
   * put back if it is not the one.
   *
   * @returns whether it was removed.
   */
  async removeIf(file: string, matches: (entry: Entry) => boolean | Promise<boolean>): Promise<boolean> {
    const path = join(this.path, file);
    const seen = await readEntry(path);
    if (seen === undefined || !(await matches(seen))) return false;
    const aside = this.#temporary();
    try {
      await rename(path, aside);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    const taken = await readEntry(aside);
    if (taken !== undefined && (await matches(taken))) {
      await unlink(aside);
      return true;
    }
    await putBack(aside, path);
    return false;
  }

  /** Removes the temporary files of writers that crashed. */
  async removeAbandoned(): Promise<void> {
    for (const file of await readdir(this.path)) {
      if (!TEMPORARY.test(file)) continue;
      const path = join(this.path, file);
      try {
        if (Date.now() - (await stat(path)).mtimeMs > ABANDONED_MS) await unlink(path);
      } catch (error) {
        // Another process sweeps too.
        if (!isMissing(error)) throw error;
      }
    }
  }

  #temporary(): string {
    return join(this.path, `.prestop-${randomUUID()}.tmp`);
  }
}

/** An id may hold `:`, which is no character for a file name everywhere. */
export function fileOf(id: string): string {
  return `${encodeURIComponent(id)}${SUFFIX}`;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function readEntry(path: string): Promise<Entry | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : decodeEntry(text);
}

/** `undefined` when there is no such file; what is none, a directory or a link to nowhere, has no text. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return (await isLink(path)) ? '' : undefined;
    // A directory may be called x.json.
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return '';
    throw error;
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Unless a newer one is there already. */
async function putBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return unlink(aside);
    // A file system without hard links.
    return rename(aside, path);
  }
  await unlink(aside);
}
