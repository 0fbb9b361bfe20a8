import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { beforeEach, describe, expect, test } from 'vitest';
import { SILENT_SOCKET_MS } from '../src/connection.ts';
import { Handshakes } from '../src/handshakes.ts';

let handshakes: Handshakes;

beforeEach(() => {
  handshakes = new Handshakes();
});

/** One that was accepted, from a port or, without one, on a Unix socket. */
function accepted(remotePort?: number, now = 0): Socket {
  const socket = Object.assign(new EventEmitter(), { remoteAddress: remotePort && '::1', remotePort });
  handshakes.begin(socket as unknown as Socket, now);
  return socket as unknown as Socket;
}

const done = (remotePort?: number): void =>
  handshakes.done({ remoteAddress: remotePort && '::1', remotePort } as TLSSocket);

describe('handshakes', () => {
  test('end when they are done or their socket is closed', () => {
    const [first, second] = [accepted(1), accepted(2)];
    done(2);
    expect([...handshakes.sockets]).toEqual([first]);
    second.emit('close');
    first.emit('close');
    expect(handshakes.count).toBe(0);
  });

  test('are waited for as long as a silent socket', () => {
    accepted(1, 100);
    expect([handshakes.waiting(SILENT_SOCKET_MS + 99), handshakes.waiting(SILENT_SOCKET_MS + 100)]).toEqual([1, 0]);
  });

  test('of a Unix socket end one by one', () => {
    for (let index = 0; index < 3; index++) accepted();
    done();
    expect(handshakes.count).toBe(2);
  });

  test('of others are not ended by a caller that had reset its connection when it was done', () => {
    const [waiting, reset] = [accepted(1), accepted(2)];
    done(undefined);
    expect(handshakes.count).toBe(2);
    reset.emit('close');
    expect([...handshakes.sockets]).toEqual([waiting]);
  });

  test('of a port that is used again belong to its newest connection', () => {
    const before = accepted(1);
    const after = accepted(1);
    before.emit('close');
    done(1);
    expect([...handshakes.sockets]).toEqual([]);
    after.emit('close');
  });
});
