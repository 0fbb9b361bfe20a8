// npm run setup: dependencies; with --build also the compiled packages, or those named and what they need.
import { build, install } from './workspace.mjs';

const [option, ...projects] = process.argv.slice(2);
install();
if (option === '--build') build(projects);
