import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { file, readInstances } from '@prestop/registry-adapters/file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';

/** A process with the adapter; it runs what is built. */
class Worker {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(options: object) {
    const script = fileURLToPath(new URL('./fixtures/file-worker.mjs', import.meta.url));
    this.child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const output: Interface = createInterface({ input: this.child.stdout ?? process.stdin });
    this.#lines = output[Symbol.asyncIterator]();
  }

  async tell(command: object): Promise<unknown> {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the worker has ended');
    return JSON.parse(value);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

describe('several processes in one directory', () => {
  let dir: string;
  let workers: Worker[];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'prestop-file-'));
    workers = [];
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    rmSync(dir, { recursive: true });
  });
  const worker = (id: string): Worker => {
    const started = new Worker({ dir, name: 'orders', port: 3000, host: 'localhost', id });
    workers.push(started);
    return started;
  };
  const listed = async (): Promise<string> => String((await readInstances(dir)).map(({ id }) => id));

  it('never disturb each other, nor whoever reads meanwhile', { timeout: 60_000 }, async () => {
    const { signal } = new AbortController();
    await file({ dir, name: 'orders', port: 3001, host: 'localhost', id: 'steady' }).register({ signal });
    const busy = Promise.all(['a', 'b', 'c', 'd'].map((id) => worker(id).tell({ rounds: 100 })));
    let reads = 0;
    let isBusy = true;
    void busy.finally(() => {
      isBusy = false;
    });
    while (isBusy) {
      expect((await readInstances(dir)).map(({ id }) => id)).toContain('steady');
      reads += 1;
    }
    expect(await busy).toEqual(['done', 'done', 'done', 'done']);
    expect(reads).toBeGreaterThan(10);
    expect(readdirSync(dir)).toEqual(['steady.json']);
  });

  it('are told apart when one takes over the id of another', async () => {
    const [before, after] = [worker('a'), worker('a')];
    await before.tell({ method: 'register', id: 'a' });
    await after.tell({ method: 'register', id: 'a' });
    expect(await before.tell({ method: 'deregister', id: 'a' })).toBe('absent');
    expect(await listed()).toBe('a');
    expect(await after.tell({ method: 'deregister', id: 'a' })).toBe('removed');
    expect(await listed()).toBe('');
  });

  it('leave nothing that a reader would call when they are killed', async () => {
    const [dead, alive] = [worker('dead'), worker('alive')];
    await dead.tell({ method: 'register', id: 'dead' });
    await alive.tell({ method: 'register', id: 'alive' });
    expect(await listed()).toBe('alive,dead');
    await dead.kill();
    await eventually(listed, 'alive', 1_000);
    expect(readdirSync(dir)).toEqual(['alive.json', 'dead.json']);
    await alive.tell({ method: 'register', id: 'alive' });
    expect(readdirSync(dir)).toEqual(['alive.json']);
  });
});
