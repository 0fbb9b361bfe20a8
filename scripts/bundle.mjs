// Makes one file of core. The loader of ES modules opens each file with a `FileHandle`, which is an `EventEmitter`; with more
// than some ten of them `EventEmitter.init` is slower for good, by some 650 instructions for every request of node:http. One
// file is imported in half the time, too. V8 keeps its text in memory: the comments stay in the sources and the
// declarations, which are tsc's, one beside each module.
import { join } from 'node:path';
import { build } from 'rolldown';
import manifest from '../packages/core/package.json' with { type: 'json' };
import { root } from './workspace.mjs';

const core = join(root, 'packages', 'core');

await build({
  cwd: core,
  input: 'src/index.ts',
  platform: 'node',
  external: Object.keys(manifest.dependencies),
  transform: { target: 'es2023' },
  output: {
    file: 'dist/index.js',
    sourcemap: true,
    sourcemapExcludeSources: true,
    codeSplitting: false,
    comments: false,
  },
  onLog(_level, { message }) {
    throw new Error(message);
  },
});
