// npm run bench [-- rollout|cost|startup] [--quick]: prestop beside its peers, written to benchmarks/RESULTS.md
// and, for the parts that are not run the next time, to benchmarks/results.json.
import { join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

install();
build();
run(process.execPath, [join(root, 'benchmarks/dist/main.js'), ...process.argv.slice(2)]);
