// Node by itself, as its documentation has it.
import { expressApp, serve } from './common.mjs';

const server = serve(expressApp());
process.on('SIGTERM', () => server.close(() => process.exit(0)));
