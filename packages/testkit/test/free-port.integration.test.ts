import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';

/** First port that Linux gives to outgoing connections, see ip(7); macOS and Windows begin at 49152. */
const FIRST_EPHEMERAL_PORT = 32_768;

describe('freePort', () => {
  it('takes none that an outgoing connection may get before the service listens', async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
    expect(Math.max(...ports)).toBeLessThan(FIRST_EPHEMERAL_PORT);
    expect(Math.min(...ports)).toBeGreaterThan(1024);
  });

  it('gives a port on which a service can listen on every address', async () => {
    const server = createServer().listen(await freePort());
    await once(server, 'listening');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});
