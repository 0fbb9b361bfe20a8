import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Directory } from '../src/file/directory.ts';
import type { Entry } from '../src/file/entry.ts';

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
    expect(await directory.read('a.json')).toEqual(entry(1));
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
    expect(await directory.read('a.json')).toEqual(entry(2));
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
    expect(await directory.read('a.json')).toEqual(entry(3));
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
