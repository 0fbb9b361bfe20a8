import type { AttachableServer } from './connection-set.ts';

/** Resolves when all `servers` listen, or `signal` aborts. */
export async function untilAllListen(servers: Iterable<AttachableServer>, signal: AbortSignal): Promise<void> {
  for (const server of servers) {
    if (server.listening) continue;
    await untilListening(server, signal);
  }
}

async function untilListening(server: AttachableServer, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      server.removeListener('listening', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    server.once('listening', done);
    signal.addEventListener('abort', done);
  });
}
