// npm run demo [-- --json]: a rolling update with prestop and one without, side by side.
import { join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

const json = process.argv.includes('--json');
// With --json the last line of stdout is the result, so everything before it must be quiet or on stderr.
install();
build();
run(process.execPath, [join(root, 'examples/express-file/dist/demo/main.js'), ...(json ? ['--json'] : [])]);
