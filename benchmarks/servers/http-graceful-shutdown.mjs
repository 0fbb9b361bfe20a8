import gracefulShutdown from 'http-graceful-shutdown';
import { delay, expressApp, serve } from './common.mjs';

const server = serve(expressApp());
gracefulShutdown(server, { timeout: 25_000, preShutdown: delay });
