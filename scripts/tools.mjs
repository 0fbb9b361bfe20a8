// node scripts/tools.mjs: installs the HTTP/2 clients that tests of core use beside node's own, where apt can.
import { spawnSync } from 'node:child_process';
import { run } from './workspace.mjs';

/** Commands, and the Debian package of each. */
const TOOLS = { h2load: 'nghttp2-client', nghttp: 'nghttp2-client', curl: 'curl' };

const isThere = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

const missing = Object.keys(TOOLS).filter((command) => !isThere(command));
const packages = [...new Set(missing.map((command) => TOOLS[command]))];
if (packages.length === 0) {
  console.log('every tool is installed');
} else if (!isThere('apt-get')) {
  console.error(`not installed: ${missing.join(', ')}; without apt, install ${packages.join(' and ')} yourself`);
  process.exit(1);
} else {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo'];
  const apt = (...args) => {
    const [command, ...rest] = [...sudo, 'apt-get', ...args];
    run(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  };
  apt('update', '--quiet');
  apt('install', '--yes', '--quiet', '--no-install-recommends', ...packages);
}
