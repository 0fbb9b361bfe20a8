import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLifecycleError, isRegistryError } from '@prestop/core';
import { type FileOptions, file, readInstances } from '@prestop/registry-adapters/file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'prestop-file-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const orders = (options: Partial<FileOptions> = {}): FileOptions => ({ dir, name: 'orders', port: 3000, ...options });

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to throw');
}

describe('the file of an instance', () => {
  it("is in Prometheus' file_sd format, with our own labels where Prometheus drops them", async () => {
    await file(orders({ host: '10.0.0.5', labels: { zone: 'a' } })).register({ signal });
    expect(readdirSync(dir)).toEqual(['orders-10.0.0.5-3000.json']);
    const [group, ...others] = JSON.parse(readFileSync(join(dir, 'orders-10.0.0.5-3000.json'), 'utf8'));
    expect(others).toEqual([]);
    expect(group.targets).toEqual(['10.0.0.5:3000']);
    const names = Object.keys(group.labels);
    expect(names.filter((name) => !name.startsWith('__meta_prestop_'))).toEqual(['service', 'zone']);
    expect(Object.values(group.labels).every((value) => typeof value === 'string')).toBe(true);
  });

  it('has a name without characters that some file system refuses, and IPv6 in brackets', async () => {
    await file(orders({ host: '2001:db8::5', id: 'a:b' })).register({ signal });
    expect(readdirSync(dir)).toEqual(['a%3Ab.json']);
    expect(await readInstances(dir)).toMatchObject([{ id: 'a:b', target: '[2001:db8::5]:3000', host: '2001:db8::5' }]);
  });

  it('by default names an address at which others reach us', async () => {
    await file(orders()).register({ signal });
    const [instance] = await readInstances(dir);
    expect(instance?.host).toMatch(/^[0-9a-f.:]+$/);
    expect(instance?.id).toBe(`orders-${instance?.host}-3000`);
  });
});

describe('readInstances', () => {
  it('gives the instances of one service, or of all, in the order of their ids', async () => {
    await file(orders({ id: 'b' })).register({ signal });
    await file(orders({ id: 'a', labels: { zone: 'x', service: 'shop' } })).register({ signal });
    await file({ dir, name: 'carts', port: 4000, host: 'localhost', id: 'c' }).register({ signal });
    expect((await readInstances(dir)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect((await readInstances(dir, 'orders')).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(await readInstances(dir, 'carts')).toEqual([
      { name: 'carts', id: 'c', host: 'localhost', port: 4000, target: 'localhost:4000', labels: { service: 'carts' } },
    ]);
    expect((await readInstances(dir))[0]?.labels).toEqual({ zone: 'x', service: 'shop' });
  });

  it.each([
    ['no JSON', '{'],
    ['no list', '{"targets":["a:1"]}'],
    ["somebody else's targets", '[{"targets":["a:1"],"labels":{"job":"x"}}]'],
    ['two groups', '[{"targets":[],"labels":{}},{"targets":[],"labels":{}}]'],
    ['labels that are no strings', '[{"targets":["a:1"],"labels":{"__meta_prestop_name":1}}]'],
    ['an entry cut short', '[{"targets":["a:1"],"labels":{"__meta_prestop_name":"orders"}}]'],
  ])('passes over %s', async (_what, content) => {
    writeFileSync(join(dir, 'x.json'), content);
    expect(await readInstances(dir)).toEqual([]);
    await file(orders({ id: 'a' })).register({ signal });
    expect(readFileSync(join(dir, 'x.json'), 'utf8')).toBe(content);
  });

  it('passes over what is no file, and over files that are being written', async () => {
    mkdirSync(join(dir, 'folder.json'));
    await file(orders({ id: 'a' })).register({ signal });
    writeFileSync(join(dir, '.prestop-1.tmp'), readFileSync(join(dir, 'a.json')));
    writeFileSync(join(dir, 'a.json.swp'), 'x');
    expect((await readInstances(dir)).map(({ id }) => id)).toEqual(['a']);
  });

  it('throws when there is nothing to read: a missing directory is no empty list', async () => {
    const missing = join(dir, 'missing');
    const error = await readInstances(missing).catch((reason: unknown) => reason);
    expect(isRegistryError(error)).toBe(true);
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(String(error)).toContain(missing);
  });
});

describe('the entry of another process', () => {
  /** Rewrites what `file()` has written, as if somebody else had. */
  const forge = (id: string, meta: Record<string, string>): void => {
    const path = join(dir, `${id}.json`);
    const [group] = JSON.parse(readFileSync(path, 'utf8'));
    for (const [key, value] of Object.entries(meta)) group.labels[`__meta_prestop_${key}`] = value;
    writeFileSync(path, JSON.stringify([group]));
  };
  const listed = async (): Promise<readonly string[]> => (await readInstances(dir)).map(({ id }) => id);

  /** Above the largest pid that Linux gives. */
  const NO_PID = '4194400';

  it('is stale when that process is dead: readers ignore it, the next registration removes it', async () => {
    await file(orders({ id: 'dead' })).register({ signal });
    forge('dead', { pid: NO_PID });
    expect(await listed()).toEqual([]);
    await file(orders({ id: 'mine' })).register({ signal });
    expect(readdirSync(dir)).toEqual(['mine.json']);
  });

  it.runIf(process.platform === 'linux')('is stale when its pid belongs to a later process by now', async () => {
    await file(orders({ id: 'dead' })).register({ signal });
    forge('dead', { pid: '1', started: 'another-boot:12345' });
    expect(await listed()).toEqual([]);
  });

  it('is not stale on another host, or in another pid namespace, where we cannot look', async () => {
    await file(orders({ id: 'far' })).register({ signal });
    forge('far', { pid: NO_PID, node: `not-${hostname()}` });
    await file(orders({ id: 'beside' })).register({ signal });
    forge('beside', { pid: NO_PID, pid_namespace: 'pid:[1]' });
    await file(orders({ id: 'mine' })).register({ signal });
    expect(await listed()).toEqual(['beside', 'far', 'mine']);
  });

  it('is not removed by our deregistration when it has taken our id over, and is when it is ours', async () => {
    const adapter = file(orders({ id: 'a' }));
    await adapter.register({ signal });
    forge('a', { pid: String(process.ppid), started: '' });
    expect(await adapter.deregister({ signal })).toBe('absent');
    expect(readdirSync(dir)).toEqual(['a.json']);
    await adapter.register({ signal });
    expect(await adapter.deregister({ signal })).toBe('removed');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('under our id does not count as us when it is at another address', async () => {
    const adapter = file(orders({ id: 'a', host: 'localhost' }));
    await file(orders({ id: 'a', host: 'localhost', port: 3001 })).register({ signal });
    expect(await adapter.check({ signal })).toBe('gone');
    await adapter.register({ signal });
    expect(await adapter.check({ signal })).toBe('visible');
  });
});

describe('the directory', () => {
  it('is made with its parents', async () => {
    const deep = join(dir, 'a', 'b');
    const adapter = file(orders({ dir: deep, id: 'a' }));
    expect(readdirSync(deep)).toEqual([]);
    rmSync(deep, { recursive: true });
    expect(await adapter.check({ signal })).toBe('unknown');
    expect(await adapter.deregister({ signal })).toBe('absent');
    await adapter.register({ signal });
    expect(await adapter.check({ signal })).toBe('visible');
  });

  it('is refused at construction when it cannot be made', () => {
    writeFileSync(join(dir, 'file'), '');
    const error = thrown(() => file(orders({ dir: join(dir, 'file', 'below') })));
    expect(isLifecycleError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option: 'dir' });
    expect(String(error)).toMatch(/ENOTDIR/);
  });

  it('that became a file is an error with what, where and how to mend it', async () => {
    const adapter = file(orders({ dir: join(dir, 'd'), id: 'a' }));
    rmSync(join(dir, 'd'), { recursive: true });
    writeFileSync(join(dir, 'd'), '');
    for (const method of ['register', 'deregister'] as const) {
      const error = await adapter[method]({ signal }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_PRESTOP_REGISTRY', registry: 'file' });
      expect(String(error)).toContain(`${method} in ${join(dir, 'd')}`);
    }
    expect(await adapter.check({ signal })).toBe('unknown');
  });
});

describe('the options of file()', () => {
  it.each<[string, object, string]>([
    ['dir', { dir: undefined }, 'dir'],
    ['dir', { dir: '' }, 'dir'],
    ['name', { name: undefined }, 'name'],
    ['name', { name: 'a/b' }, 'name'],
    ['port', { port: undefined }, 'port'],
    ['port', { port: 0 }, 'port'],
    ['port', { port: 65_536 }, 'port'],
    ['port', { port: '3000' }, 'port'],
    ['host', { host: 'a:1' }, 'host'],
    ['host', { host: 'http://a' }, 'host'],
    ['id', { id: '../../etc/passwd' }, 'id'],
    ['id', { id: '' }, 'id'],
    ['labels', { labels: { 'a-b': 'x' } }, 'labels'],
    ['labels', { labels: { __meta_prestop_pid: '1' } }, 'labels'],
    ['labels', { labels: { a: 1 } }, 'labels'],
    ['settleMs', { settleMs: -1 }, 'settleMs'],
    ['settleMs', { settleMs: 1.5 }, 'settleMs'],
    ['registryName', { registryName: '' }, 'registryName'],
  ])('%s: %j is refused', (_name, given, option) => {
    const error = thrown(() => file(orders(given as Partial<FileOptions>)));
    expect(error).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option });
  });

  it('names that do not exist are refused', () => {
    const error = thrown(() => file({ ...orders(), setleMs: 1 } as FileOptions));
    expect(error).toMatchObject({ code: 'ERR_PRESTOP_OPTION_UNKNOWN', option: 'setleMs' });
    expect(String(error)).toContain('settleMs');
  });

  it('has the defaults that it documents', () => {
    expect(file(orders())).toMatchObject({ name: 'file', settleMs: 1_000 });
    expect(file(orders({ registryName: 'lobby', settleMs: 5 }))).toMatchObject({ name: 'lobby', settleMs: 5 });
  });
});
