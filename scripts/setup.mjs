// npm run setup: dependencies; with --build also the compiled packages.
import { build, install } from './workspace.mjs';

install();
if (process.argv.includes('--build')) build();
