// npm run test:matrix [-- vitest arguments]: every test on every supported Node version. The versions come from npm (the
// packages of https://www.npmjs.com/package/node) into the project's cache; nothing is installed on the machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

const VERSIONS = ['20.19.0', '20.20.2', '22.23.3', '24.21.0', '26.10.0'];

install();
build();
const args = process.argv.slice(2);
const failed = [];
for (const version of VERSIONS) {
  const node = fetchNode(version);
  console.log(`\n=== Node ${version} ===`);
  const { status } = spawnSync(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
    stdio: 'inherit',
    // What a test starts by name must be the same version.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) failed.push(version);
}
console.log(`\npassed on: ${VERSIONS.filter((version) => !failed.includes(version)).join(', ') || 'none'}`);
if (failed.length > 0) {
  console.log(`FAILED on: ${failed.join(', ')}`);
  process.exit(1);
}

/** The path of a node of that version. */
function fetchNode(version) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const executable = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const folder = join(root, '.cache', 'node', version);
  if (!existsSync(join(folder, executable))) {
    const part = `${folder}.${process.pid}`;
    mkdirSync(part, { recursive: true });
    console.log(`fetching Node ${version} …`);
    run('npm', ['pack', '--silent', '--pack-destination', part, `node-${platform}-${process.arch}@${version}`]);
    const archive = readdirSync(part).find((name) => name.endsWith('.tgz'));
    run('tar', ['-xzf', join(part, archive), '-C', part]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(part, 'package'), folder);
    rmSync(part, { recursive: true, force: true });
  }
  return join(folder, executable);
}
