import { createHttpTerminator } from 'http-terminator';
import { createLightship } from 'lightship';
import { adminPort, delayMs, expressApp, serve } from './common.mjs';

const lightship = await createLightship({
  // It would turn its delay off outside of a cluster.
  detectKubernetes: false,
  port: adminPort,
  shutdownDelay: delayMs,
  gracefulShutdownTimeout: 25_000,
  shutdownHandlerTimeout: 10_000,
});
const server = serve(expressApp());
const terminator = createHttpTerminator({ server });
lightship.registerShutdownHandler(() => terminator.terminate());
server.once('listening', () => lightship.signalReady());
