// npm run bench [-- rollout|cost|startup] [--quick]: prestop beside its peers, written to benchmarks/RESULTS.md.
import { join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

install();
build();
run(process.execPath, [join(root, 'benchmarks/dist/main.js'), ...process.argv.slice(2)]);
