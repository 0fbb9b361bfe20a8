// npm run lint: format, rules, unused code, and what a consumer of the packages would trip over. --fix mends the format.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root, run, runTool } from './workspace.mjs';

install();
if (process.argv.includes('--fix')) {
  runTool('@biomejs/biome', 'bin/biome', ['check', '--write', '.']);
  process.exit(0);
}
build();
runTool('@biomejs/biome', 'bin/biome', ['check', '--error-on-warnings', '.']);
runTool('oxlint', 'bin/oxlint', ['--type-aware', '--deny-warnings']);
runTool('knip', 'bin/knip.js', []);
for (const name of readdirSync(join(root, 'packages'))) {
  const { default: manifest } = await import(`../packages/${name}/package.json`, { with: { type: 'json' } });
  if (manifest.private) continue;
  const cwd = join(root, 'packages', name);
  runTool('publint', 'src/cli.js', ['--strict'], { cwd });
  if (manifest.exports) run('npx', ['--no-install', 'attw', '--pack', '--profile', 'esm-only', '.'], { cwd });
}
