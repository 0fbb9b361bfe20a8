import { createHttpTerminator } from 'http-terminator';
import { expressApp, serve } from './common.mjs';

const server = serve(expressApp());
const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 10_000 });
process.on('SIGTERM', async () => {
  await terminator.terminate();
  process.exit(0);
});
