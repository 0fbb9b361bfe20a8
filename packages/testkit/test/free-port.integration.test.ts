import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, freePortGroup } from '../src/free-port.ts';

/** First port that Linux gives to outgoing connections, see ip(7); macOS and Windows begin at 49152. */
const FIRST_EPHEMERAL_PORT = 32_768;

describe('freePort', () => {
  it('takes none that an outgoing connection may get before the service listens', async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
    expect(Math.max(...ports)).toBeLessThan(FIRST_EPHEMERAL_PORT);
    expect(Math.min(...ports)).toBeGreaterThan(1024);
  });

  it('gives none twice to those who ask at the same time or before they listen', async () => {
    const ports: number[] = [];
    for (let round = 0; round < 10; round++) {
      ports.push(...(await Promise.all(Array.from({ length: 100 }, () => freePort()))));
      const groups = await Promise.all(Array.from({ length: 25 }, () => freePortGroup([0, 1])));
      ports.push(...groups.flatMap((port) => [port, port + 1]));
    }
    expect(ports.length - new Set(ports).size).toBe(0);
  });

  it('gives a port on which a service can listen on every address', async () => {
    const server = createServer().listen(await freePort());
    await once(server, 'listening');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});
