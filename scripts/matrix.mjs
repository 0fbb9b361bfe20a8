// npm run test:matrix [-- --node 22 … -- vitest arguments]: every test, or those named, on every supported Node version,
// or on those that begin with what `--node` names. The versions come from npm (the packages of
// https://www.npmjs.com/package/node) into the project's cache; nothing is installed on the machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, root, run } from './workspace.mjs';

const VERSIONS = ['20.19.0', '20.20.2', '22.23.3', '24.21.0', '26.10.0'];
const CACHE = join(root, '.cache', 'node');

const { versions, vitestArguments } = readArguments(process.argv.slice(2));
install();
build();
const nodes = versions.map((version) => ({ version, node: fetchNode(version) }));
const results = nodes.map(({ version, node }) => testOn(version, node));
console.log(`\n${table(results)}`);
if (results.some(({ ok }) => !ok)) process.exit(1);

/** Everything behind a further `--` is for vitest. */
function readArguments(given) {
  const separator = given.indexOf('--');
  const own = separator === -1 ? given : given.slice(0, separator);
  try {
    const { values } = parseArgs({ args: own, options: { node: { type: 'string', multiple: true } } });
    return {
      versions: values.node === undefined ? VERSIONS : [...new Set(values.node.flatMap(versionsNamed))],
      vitestArguments: separator === -1 ? [] : given.slice(separator + 1),
    };
  } catch (error) {
    console.error(`${error.message}\nusage: npm run test:matrix [-- --node VERSION … [-- VITEST ARGUMENTS]]`);
    process.exit(2);
  }
}

function versionsNamed(name) {
  const named = VERSIONS.filter((version) => `${version}.`.startsWith(`${name}.`));
  if (named.length === 0) throw new Error(`--node ${name}: the versions are ${VERSIONS.join(', ')}`);
  return named;
}

/** The path of a node of that version. */
function fetchNode(version) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const executable = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const folder = join(CACHE, version);
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

function testOn(version, node) {
  console.log(`\n=== Node ${version} ===`);
  const file = join(CACHE, `results-${version}-${process.pid}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const startedAt = performance.now();
  const { status } = spawnSync(
    node,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...vitestArguments],
    {
      cwd: root,
      stdio: 'inherit',
      // What a test starts by name must be the same version.
      env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
    },
  );
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return { version, seconds, ok: status === 0, counts: countsIn(file) };
}

/** `undefined` when vitest did not come as far as a result. */
function countsIn(file) {
  if (!existsSync(file)) return undefined;
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(file);
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
}

function table(results) {
  const rows = results.map(({ version, seconds, ok, counts }) => [
    version,
    counts?.passed ?? '-',
    counts?.failed ?? '-',
    counts?.skipped ?? '-',
    seconds,
    // A run can fail without a failed test: an error outside of all tests, or no test at all.
    ok ? 'ok' : 'FAILED',
  ]);
  const lines = [['Node', 'passed', 'failed', 'skipped', 'seconds', ''], ...rows];
  return lines
    .map((cells) =>
      cells
        .map((cell) => String(cell).padEnd(10))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
