// What every script of the repository needs: the root, the pinned pnpm, and a way to run a command and see it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const MINIMUM = [20, 19];

/** Runs a command with its output on the screen; ends this process with its exit code if it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

/** Runs a tool of the workspace with the node that runs this script. */
export function runTool(packageName, bin, args, options) {
  run(process.execPath, [join(root, 'node_modules', packageName, bin), ...args], options);
}

/** Installs what the lock file says, if that has not been done yet. Needs nothing but Node and its npm. */
export function install() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
    console.error(`prestop needs Node ${MINIMUM.join('.')} or later; this is ${process.version}`);
    process.exit(1);
  }
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.cache', 'installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log(`installing the dependencies (npx ${packageManager()}) …`);
  run('npx', ['--yes', packageManager(), 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

/** The pinned pnpm, as npx takes it. */
export function packageManager() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
}

/** Compiles every package and example, or those named and what they need; a moment when nothing has changed. */
export function build(projects = []) {
  runTool('typescript', 'bin/tsc', ['-b', ...projects]);
  run(process.execPath, [join(root, 'scripts', 'bundle.mjs')]);
}
