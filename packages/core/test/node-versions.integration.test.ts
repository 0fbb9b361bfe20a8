import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openRaw, type RawSocket, startCommand } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { OPTIONS } from './fixtures/http2-local.ts';
import { RawHttp2 } from './fixtures/http2-raw.ts';
import { get } from './fixtures/messages.ts';
import { certificate, withPod } from './fixtures/pod.ts';
import { at, until } from './fixtures/until.ts';

const CORE = fileURLToPath(new URL('..', import.meta.url));
const NODE = Number.parseInt(process.versions.node, 10);
/** Longer than everything that Node does at once, and shorter than its timeouts. */
const SOON_MS = 400;

/** How a connection is after a moment. */
async function endOf(socket: RawSocket): Promise<'fin' | 'reset' | 'open'> {
  await at(performance.now() + SOON_MS);
  return Promise.race([socket.closedByPeer, Promise.resolve('open' as const)]);
}

/** A server of Node's own, without prestop, and with as many connections. */
async function withServer(
  options: ServerOptions,
  connections: number,
  use: (server: Server, ...sockets: readonly RawSocket[]) => Promise<void>,
): Promise<void> {
  const server = createServer(options, (_request, response) => void setTimeout(() => response.end('ok'), 50));
  await once(server.listen(0), 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: RawSocket[] = [];
  try {
    for (let count = 0; count < connections; count++) sockets.push(await openRaw(port));
    await use(server, ...sockets);
  } finally {
    for (const socket of sockets) socket.reset();
    server.close();
    server.closeAllConnections();
  }
}

/** What `docs/node-versions.md` says of Node itself. A failure here means that a new Node does something else. */
describe.concurrent(`the servers of Node ${process.versions.node}, without prestop`, () => {
  it('http: close() ends connections that are idle, and goes on serving those that are not', async () => {
    await withServer({}, 3, async (server, idle, halfHead, inFlight) => {
      halfHead?.write('GET / HT');
      idle?.write(get('/'));
      await idle?.readResponse();
      inFlight?.write(get('/'));
      await once(server, 'request');
      server.close();
      expect(await idle?.closedByPeer).toBe('fin');
      halfHead?.write('TP/1.1\r\nHost: service\r\n\r\n');
      // Node says nothing to callers that may come back, and keeps their connections.
      for (const socket of [halfHead, inFlight]) {
        expect(await socket?.readResponse()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
        expect(socket && (await endOf(socket))).toBe('open');
      }
    });
  });

  it(`http: close() ${NODE < 26 ? 'leaves' : 'destroys'} connections that have not said anything yet`, async () => {
    await withServer({}, 1, async (server, silent) => {
      server.close();
      expect(silent && (await endOf(silent))).toBe(NODE < 26 ? 'open' : 'fin');
    });
  });

  it('http: headersTimeout ends with close()', async () => {
    const options = { headersTimeout: 250, requestTimeout: 0, connectionsCheckingInterval: 20 };
    await withServer(options, 1, async (server, halfHead) => {
      halfHead?.write('GET / HT');
      await at(performance.now() + 20);
      server.close();
      expect(halfHead && (await endOf(halfHead))).toBe('open');
      expect(halfHead?.unread()).toBe('');
    });
  });

  it(`http2: close() ${NODE < 24 ? 'tells sessions nothing' : 'sends GOAWAY'}`, async () => {
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      stream.respond();
      setTimeout(() => stream.end('ok'), 50);
    });
    await once(server.listen(0), 'listening');
    const client = await RawHttp2.open((server.address() as AddressInfo).port);
    try {
      const id = client.request('/');
      await once(server, 'stream');
      server.close();
      await client.answered(id);
      if (NODE < 24) {
        await at(performance.now() + SOON_MS);
        expect({ goaways: client.goaways, ended: client.ended }).toEqual({ goaways: [], ended: false });
      } else {
        await until(() => client.ended, 'the end of the session');
        expect(client.goaways.length).toBeGreaterThan(0);
      }
    } finally {
      client.close();
      server.close();
    }
  });

  it(`http2: connections that speak HTTP/1 ${NODE < 24 ? 'never run out' : 'have a keepAliveTimeout'}`, () => {
    const server = createSecureServer({ ...certificate, allowHTTP1: true });
    expect('keepAliveTimeout' in server && server.keepAliveTimeout).toBe(NODE < 24 ? false : 5_000);
  });
});

describe.concurrent(`prestop on Node ${process.versions.node}`, () => {
  const permission = NODE < 24 ? '--experimental-permission' : '--permission';

  it('is a module that CommonJS can require', async () => {
    const script = "console.log(typeof require('@prestop/core').createLifecycle)";
    const service = await startCommand({ command: [process.execPath, '-e', script], cwd: CORE });
    await service.waitForLine(/^function$/);
    expect((await service.exited).code).toBe(0);
  });

  it(`runs under the permission model${NODE < 25 ? '' : ' when it may use the network'}`, async () => {
    const network = NODE < 25 ? [] : ['--allow-net'];
    await withPod({ options: OPTIONS, execArgv: [permission, '--allow-fs-read=*', ...network] }, async (pod) => {
      expect((await pod.terminate(true)).timeline).toMatchObject({ hook: { status: 200 }, exit: { code: 0 } });
    });
  });

  it.runIf(NODE >= 25)('cannot listen under the permission model alone', async () => {
    const pod = withPod({ execArgv: [permission, '--allow-fs-read=*'] }, async () => {});
    await expect(pod).rejects.toThrow('ERR_ACCESS_DENIED');
  });
});
