// npm run lint: format, rules, unused code, and what a consumer of the packages would trip over. --fix mends the format.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, packageManager, root, run, runTool } from './workspace.mjs';

install();
if (process.argv.includes('--fix')) {
  runTool('@biomejs/biome', 'bin/biome', ['check', '--write', '.']);
  process.exit(0);
}
build();
runTool('@biomejs/biome', 'bin/biome', ['check', '--error-on-warnings', '.']);
runTool('oxlint', 'bin/oxlint', ['--type-aware', '--deny-warnings']);
runTool('knip', 'bin/knip.js', []);
// What would be published, not what lies here: pnpm puts publishConfig.exports in place.
const folder = mkdtempSync(join(tmpdir(), 'prestop-pack-'));
for (const name of readdirSync(join(root, 'packages'))) {
  const { default: manifest } = await import(`../packages/${name}/package.json`, { with: { type: 'json' } });
  if (manifest.private) continue;
  const cwd = join(root, 'packages', name);
  run('npx', ['--yes', packageManager(), 'pack', '--silent', '--pack-destination', folder], { cwd, stdio: 'ignore' });
}
for (const archive of readdirSync(folder)) {
  runTool('publint', 'src/cli.js', ['--strict', join(folder, archive)]);
  runTool('@arethetypeswrong/cli', 'dist/index.js', ['--quiet', '--profile', 'esm-only', join(folder, archive)]);
}
rmSync(folder, { recursive: true, force: true });
