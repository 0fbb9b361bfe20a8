// npm run test:kubernetes [-- --up | vitest arguments]: the published manifests on a real Kubernetes.
import { join } from 'node:path';
import { build, install, root, run } from './workspace.mjs';

install();
build();
run(process.execPath, [join(root, 'tests/kubernetes/dist/cli.js'), ...process.argv.slice(2)]);
