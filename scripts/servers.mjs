// npm run servers [-- --start]: builds the real Consul and Nacos that the tests need, if they are missing.
import { join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

install();
build();
run(process.execPath, [join(root, 'packages/testkit/dist/servers/cli.js'), ...process.argv.slice(2)]);
