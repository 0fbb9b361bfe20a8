import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createRawServer, type Server as RawServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { freePort, openRaw, selfSignedCertificate } from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';

const servers: RawServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function listen(server: RawServer | Server): Promise<number> {
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('openRaw', () => {
  it('reads answers by length, chunked and pipelined, in order', async () => {
    let count = 0;
    const server = createServer((_, response) => {
      count += 1;
      if (count % 2) response.end(`answer ${count}`);
      else {
        response.write('answer ');
        setTimeout(() => response.end(`${count}`), 10);
      }
    });
    const socket = await openRaw(await listen(server));
    socket.write(GET.repeat(3));
    const answers = await Promise.all([socket.readResponse(), socket.readResponse(), socket.readResponse()]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(answers[0]).toMatchObject({ reason: 'OK', body: 'answer 1', headers: { 'content-length': '8' } });
    expect(answers[1]?.headers['transfer-encoding']).toBe('chunked');
    expect(socket.unread()).toBe('');
    expect(socket.closed).toBe(false);
    await socket.close();
    expect(socket.closed).toBe(true);
    await socket.close();
  });

  it('shows 100 Continue as an answer of its own', async () => {
    const server = createServer((request, response) => request.pipe(response));
    const socket = await openRaw(await listen(server));
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    expect(await socket.readResponse()).toMatchObject({ status: 100, body: '' });
    socket.write('hello');
    expect(await socket.readResponse()).toMatchObject({ status: 200, body: 'hello' });
    await socket.close();
  });

  it('speaks TLS', async () => {
    const { cert, key } = selfSignedCertificate();
    const server = createSecureServer({ cert, key }, (_, response) => response.end('secret'));
    const socket = await openRaw(await listen(server), { tls: { ca: cert } });
    socket.write(GET);
    expect(await socket.readResponse()).toMatchObject({ body: 'secret' });
    await socket.close();
  });

  it('tells a FIN from a reset', async () => {
    const polite = await openRaw(await listen(createRawServer((peer) => peer.end())));
    expect(await polite.closedByPeer).toBe('fin');
    const rude = await openRaw(await listen(createRawServer((peer) => setTimeout(() => peer.resetAndDestroy(), 20))));
    expect(await rude.closedByPeer).toBe('reset');
    expect(rude.closed).toBe(true);
  });

  it.each([
    { scheme: 'http', tls: undefined },
    { scheme: 'https', tls: selfSignedCertificate() },
  ])('says nothing about the peer when it closes itself, over $scheme', async ({ tls }) => {
    const ended: string[] = [];
    const follow = (peer: Socket): unknown => peer.on('error', (error) => ended.push(error.message)).write('hello');
    const server = tls ? createTlsServer(tls, follow) : createRawServer(follow);
    const socket = await openRaw(await listen(server), tls && { tls: { ca: tls.cert } });
    await expect.poll(() => socket.unread()).toBe('hello');
    let peerClosed = false;
    void socket.closedByPeer.then(() => {
      peerClosed = true;
    });
    socket.reset();
    await expect.poll(() => ended).toEqual(['read ECONNRESET']);
    expect([socket.closed, peerClosed]).toEqual([true, false]);
  });

  it('fails to read a response that was cut, with what there was of it', async () => {
    const server = createRawServer((peer) => peer.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    const socket = await openRaw(await listen(server));
    const reading = socket.readResponse();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_TESTKIT_RAW_CLOSED' });
    await expect(reading).rejects.toThrow(/half/);
  });

  it('gives up reading', async () => {
    const server = createRawServer((peer) => peer.on('error', () => undefined).write('HTTP/1.1 200'));
    const socket = await openRaw(await listen(server));
    const reading = socket.readResponse({ timeoutMs: 50 });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_TESTKIT_TIMEOUT' });
    socket.reset();
  });

  it('has no connection to a port that nobody listens on', async () => {
    for (const tls of [undefined, { ca: selfSignedCertificate().cert }]) {
      await expect(openRaw(await freePort(), tls && { tls })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });
});
