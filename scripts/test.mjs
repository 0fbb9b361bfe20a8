// npm test [-- vitest arguments]: everything, from a clean clone.
import { build, install, runTool } from './workspace.mjs';

install();
build();
runTool('vitest', 'vitest.mjs', ['run', ...process.argv.slice(2)]);
