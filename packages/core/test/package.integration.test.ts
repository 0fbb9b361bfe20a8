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

  it('names its source in stack traces', () => {
    const code = `(await import('${compiled.href}')).createLifecycle({ terminationGracePeriodSeconds: -1 })`;
    const run = spawnSync(process.execPath, ['--enable-source-maps', '--input-type=module', '--eval', code], {
      encoding: 'utf8',
    });
    expect(run.stderr).toContain('ERR_PRESTOP_');
    expect(run.stderr).toContain('src/lifecycle-options.ts:');
  });
});
