import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Directory } from '../src/file/directory.ts';
import type { Entry } from '../src/file/entry.ts';
import { readInstances } from '../src/file/read-instances.ts';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'prestop-directory-'));
});
afterEach(() => {
  rmSync(path, { recursive: true });
});

const { signal } = new AbortController();

function entry(pid: number): Entry {
  return {
    instance: { name: 'orders', id: 'a', host: 'localhost', port: 3000, target: 'localhost:3000', labels: {} },
    writer: { node: 'here', pid, namespace: '', started: '' },
  };
}

describe('removing an entry while others write', () => {
  it('leaves alone what is not meant', async () => {
    const directory = new Directory(path);
    await directory.write(entry(1), signal);
    expect(await directory.removeIf('a.json', ({ writer }) => writer.pid === 2)).toBe(false);
    expect(await directory.removeIf('b.json', () => true)).toBe(false);
    expect(await directory.entries()).toEqual([entry(1)]);
  });

  it('puts back what was replaced between the look and the removal', async () => {
    const directory = new Directory(path);
    await directory.write(entry(1), signal);
    const removed = await directory.removeIf('a.json', async ({ writer }) => {
      if (writer.pid !== 1) return false;
      await directory.write(entry(2), signal);
      return true;
    });
    expect(removed).toBe(false);
    expect(await directory.entries()).toEqual([entry(2)]);
    expect(readdirSync(path)).toEqual(['a.json']);
  });

  it('keeps the newest when yet another came before it could be put back', async () => {
    const directory = new Directory(path);
    await directory.write(entry(1), signal);
    const removed = await directory.removeIf('a.json', async ({ writer }) => {
      await directory.write(entry(writer.pid + 1), signal);
      return writer.pid === 1;
    });
    expect(removed).toBe(false);
    expect(await directory.entries()).toEqual([entry(3)]);
    expect(readdirSync(path)).toEqual(['a.json']);
  });

  it('agrees with another that removes the same', async () => {
    const directory = new Directory(path);
    await directory.write(entry(1), signal);
    const outcomes = await Promise.all([
      directory.removeIf('a.json', () => true),
      directory.removeIf('a.json', () => true),
    ]);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('writing an entry', () => {
  it('leaves nothing behind when it is given up', async () => {
    await expect(new Directory(path).write(entry(1), AbortSignal.abort())).rejects.toThrow();
    expect(readdirSync(path)).toEqual([]);
  });

  it('removes what crashed writers left, and not what is being written', async () => {
    for (const name of ['.prestop-old.tmp', '.prestop-new.tmp', 'old.tmp']) writeFileSync(join(path, name), '');
    const longAgo = new Date(Date.now() - 120_000);
    for (const name of ['.prestop-old.tmp', 'old.tmp']) utimesSync(join(path, name), longAgo, longAgo);
    await new Directory(path).removeAbandoned();
    expect(readdirSync(path)).toEqual(['.prestop-new.tmp', 'old.tmp']);
    expect(readFileSync(join(path, 'old.tmp'), 'utf8')).toBe('');
  });
});

describe('what happens between the look at the directory and that at its files', () => {
  /** Runs `change` after the first look at the directory. */
  function afterTheLook(change: () => void): void {
    const { list } = Directory.prototype;
    vi.spyOn(Directory.prototype, 'list').mockImplementationOnce(async function look(this: Directory) {
      const files = await list.call(this);
      change();
      return files;
    });
  }

  const away = (): string => `${path}.away`;
  const ids = async (): Promise<readonly string[]> => (await readInstances(path)).map(({ id }) => id);

  beforeEach(async () => {
    const { instance } = entry(process.pid);
    // A writer on another node, whose life nobody here can know.
    for (const id of ['a', 'b'])
      await new Directory(path).write({ ...entry(1), instance: { ...instance, id } }, signal);
  });
  afterEach(() => vi.restoreAllMocks());

  it('a file that is removed is passed over', async () => {
    afterTheLook(() => rmSync(join(path, 'a.json')));
    expect(await ids()).toEqual(['b']);
  });

  it('a directory that is taken away is no empty one', async () => {
    afterTheLook(() => renameSync(path, away()));
    await expect(ids()).rejects.toThrow(/ENOENT/);
    renameSync(away(), path);
  });

  it('one that is back before the end is read again', async () => {
    afterTheLook(() => {
      renameSync(path, away());
      const { list } = Directory.prototype;
      vi.spyOn(Directory.prototype, 'list').mockImplementationOnce(async function back(this: Directory) {
        renameSync(away(), path);
        return list.call(this);
      });
    });
    expect(await ids()).toEqual(['a', 'b']);
  });

  it('a directory with the name of a file, and a link to nowhere, are passed over', async () => {
    mkdirSync(join(path, 'c.json'));
    symlinkSync(join(path, 'nowhere'), join(path, 'd.json'));
    expect(await ids()).toEqual(['a', 'b']);
  });
});
