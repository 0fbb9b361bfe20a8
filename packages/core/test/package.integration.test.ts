import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const compiled = new URL('../dist/index.js', import.meta.url);

describe('what is published', () => {
  it('is one file, which loads its dependencies and Node', () => {
    const loaded = [...readFileSync(compiled, 'utf8').matchAll(/^(?:import|export) .*from "(.+)";$/gm)].map(
      ([, name]) => name as string,
    );
    expect(loaded).toContain('node:http');
    expect(loaded.filter((name) => !name.startsWith('node:'))).toEqual(Object.keys(manifest.dependencies));
  });

  it('has no letter beyond Latin-1, or V8 would keep two octets in memory for each letter of it', () => {
    expect(readFileSync(compiled, 'utf8').match(/[^\0-\u{ff}]/gu)).toBeNull();
  });

  it('loads nothing of Node into every service that only some have a use for', () => {
    // What node:http brings is not ours: to import it loads TLS and HTTP/2 on Node 22, for its WebSocket.
    const code = `await import('node:http');
      const before = new Set(process.moduleLoadList);
      await import('${compiled.href}');
      console.log(process.moduleLoadList.filter((name) => !before.has(name)).join('\\n'));`;
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
    const loaded = run.stdout.trim().split('\n');
    expect([run.status, loaded.length > 1], run.stderr).toEqual([0, true]);
    const seldom = ['cluster', 'http2', 'https', 'perf_hooks', 'tls', 'worker_threads'];
    expect(loaded.filter((name) => seldom.includes(name.replace('NativeModule ', '')))).toEqual([]);
  });

  it('names its source in stack traces', () => {
    const code = `(await import('${compiled.href}')).createLifecycle({ terminationGracePeriodSeconds: -1 })`;
    const run = spawnSync(process.execPath, ['--enable-source-maps', '--input-type=module', '--eval', code], {
      encoding: 'utf8',
    });
    expect(run.stderr).toContain('ERR_PRESTOP_');
    expect(run.stderr).toContain('src/lifecycle-options.ts:');
  });
});
