import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { selfSignedCertificate } from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { createLifecycle, type Lifecycle } from '../src/index.ts';

const { cert, key } = selfSignedCertificate();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A TLS server whose termination reaches `draining` within moments. */
async function start(path?: string): Promise<{ lifecycle: Lifecycle; port: number }> {
  const server = createServer({ cert, key }, (_request, response) => response.end('hello'));
  const lifecycle = createLifecycle({
    admin: false,
    signals: [],
    logger: false,
    floorMs: 0,
    quiet: { minMs: 50 },
    start: 'manual',
    exit: () => {},
  });
  cleanups.push(
    () => lifecycle.stop(),
    () => server.close(),
    () => server.closeAllConnections(),
  );
  lifecycle.attach(path === undefined ? server.listen(0, '127.0.0.1') : server.listen(path));
  await once(server, 'listening');
  await lifecycle.start();
  return { lifecycle, port: (server.address() as AddressInfo).port };
}

async function connected(server: { readonly port: number }): Promise<ReturnType<typeof connect>> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

function phase(lifecycle: Lifecycle, name: string): Promise<void> {
  return new Promise((resolve) => {
    const off = lifecycle.on('phase', ({ to }) => {
      if (to !== name) return;
      off();
      resolve();
    });
  });
}

async function untilAccepted(lifecycle: Lifecycle, count = 1): Promise<void> {
  while (lifecycle.status().connections.handshake !== count) await new Promise(setImmediate);
}

describe('a TLS connection that has not finished its handshake', () => {
  it('is served when it speaks while the service drains', async () => {
    const server = await start();
    const socket = await connected(server);
    await untilAccepted(server.lifecycle);
    const draining = phase(server.lifecycle, 'draining');
    const drained = server.lifecycle.terminate({ kind: 'prestop' });
    await draining;

    const tls = connectTls({ socket, ca: cert, servername: 'localhost' });
    await once(tls, 'secureConnect');
    tls.end('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');

    expect(await text(tls)).toMatch(/^HTTP\/1.1 200 OK\r\n(?:.*\r\n)*Connection: close\r\n/);
    expect((await drained).requests.answered).toBe(1);
  });

  it('is not waited for longer than five seconds when it stays silent', async () => {
    const server = await start();
    const socket = await connected(server);
    cleanups.push(() => socket.destroy());
    await untilAccepted(server.lifecycle);

    const { totalMs } = await server.lifecycle.terminate({ kind: 'prestop' });

    expect(totalMs).toBeGreaterThan(4_000);
    expect(totalMs).toBeLessThan(5_500);
  });

  it.runIf(process.platform !== 'win32')(
    'is counted apart from others on a Unix socket, where all look alike',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'prestop-tls-'));
      cleanups.push(() => rmSync(folder, { recursive: true }));
      const path = join(folder, 'service');
      const { lifecycle } = await start(path);
      const sockets = Array.from({ length: 3 }, () => connect(path));
      cleanups.push(() => sockets.forEach((socket) => void socket.destroy()));
      await untilAccepted(lifecycle, 3);

      const tls = connectTls({ socket: sockets[0] as Socket, ca: cert, servername: 'localhost' });
      await once(tls, 'secureConnect');
      await untilAccepted(lifecycle, 2);
      tls.destroy();
      sockets[1]?.destroy();
      await untilAccepted(lifecycle, 1);
    },
  );
});
