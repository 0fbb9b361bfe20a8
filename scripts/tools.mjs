// npm run tools: what some tests need beyond Node, from the distribution's packages, where this machine lets us install
// them (Debian and its like, as root). Elsewhere it says what is missing; the tests that need it then say that they did
// not run.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Commands and the Debian package that has them. */
const TOOLS = { h2load: 'nghttp2-client', nghttp: 'nghttp2-client', curl: 'curl', chromium: 'chromium' };

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const missing = Object.keys(TOOLS).filter((command) => !isOnPath(command));
const packages = [...new Set(missing.map((command) => TOOLS[command]))];
if (missing.length === 0) {
  console.log(`tools: ${Object.keys(TOOLS).join(', ')} are here`);
} else if (process.platform !== 'linux' || process.getuid() !== 0 || !isOnPath('apt-get')) {
  console.log(`tools: missing ${missing.join(', ')} (Debian packages: ${packages.join(' ')})`);
} else {
  console.log(`tools: installing ${packages.join(' ')} …`);
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  if (!apt('update') || !apt('install', '--yes', '--no-install-recommends', ...packages)) {
    console.error(`tools: ${packages.join(' ')} could not be installed`);
    process.exit(1);
  }
}
