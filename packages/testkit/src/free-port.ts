import { createServer } from 'node:net';

/**
 * A TCP port that nobody listens on at this moment. Somebody else may take it before you do: where the service can say its
 * port, let it listen on 0 and read it from its output.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}
