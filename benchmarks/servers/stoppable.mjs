import stoppable from 'stoppable';
import { expressApp, serve } from './common.mjs';

const server = stoppable(serve(expressApp()), 10_000);
process.on('SIGTERM', () => server.stop(() => process.exit(0)));
