import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { file } from '@prestop/registry-adapters/file';
import { afterAll } from 'vitest';
import { conformance } from './conformance.ts';

const dir = mkdtempSync(join(tmpdir(), 'prestop-file-'));
afterAll(() => rmSync(dir, { recursive: true }));

conformance('file', (id) => {
  const options = { dir, name: 'orders', host: '127.0.0.1', port: 3000, id };
  return {
    create: () => file(options),
    observe: async () => (await readdir(dir)).includes(`${id}.json`),
    child: { module: '@prestop/registry-adapters/file', factory: 'file', options },
  };
});
