import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports are taken from this range. It lies below the ports that Linux (32768) and macOS (49152) give to outgoing
 * connections, so none of those can take a port between the check and the server's start.
 */
const RANGE: readonly [number, number] = [10_000, 32_000];
const TRIES = 100;
/** A fraction of the range, and more than one process has in use. */
const REMEMBERED = 5_000;
/** Looked at or given in this process, the oldest first. For the whole process on purpose, as the ports are. */
const claimed = new Set<number>();

/**
 * A TCP port that nobody listens on at this moment, and that nobody else in this process is given: not before thousands of
 * others have been. Another process may take it before you do: where the service can say its port, let it listen on 0 and
 * read it from its output.
 *
 * @throws Error when a hundred tries found none.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(...RANGE);
    if (claim([port]) && (await tcpIsFree(port))) return port;
  }
  throw new Error(`no free port from ${RANGE[0]} to ${RANGE[1]} in ${TRIES} tries`);
}

/**
 * A random port P for which P + each of `offsets` is free on every address, for TCP and UDP, and given to nobody else in
 * this process, as {@link freePort} says.
 *
 * @throws Error when a hundred tries found none.
 */
export async function freePortGroup(offsets: readonly number[]): Promise<number> {
  const from = RANGE[0] - Math.min(...offsets);
  const to = RANGE[1] - Math.max(...offsets);
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(from, to);
    const ports = offsets.map((offset) => port + offset);
    if (!claim(ports)) continue;
    const free = await Promise.all(ports.flatMap((each) => [tcpIsFree(each), udpIsFree(each)]));
    if (free.every(Boolean)) return port;
  }
  throw new Error(`no free port from ${from} to ${to} with the offsets ${offsets.join(', ')} in ${TRIES} tries`);
}

/**
 * Before anybody looks whether they are free: who looks listens for a moment, which would be in the way of a service.
 *
 * @returns whether they are yours.
 */
function claim(ports: readonly number[]): boolean {
  if (ports.some((port) => claimed.has(port))) return false;
  for (const port of ports) claimed.add(port);
  for (const oldest of claimed) {
    if (claimed.size <= REMEMBERED) break;
    claimed.delete(oldest);
  }
  return true;
}

async function tcpIsFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

async function udpIsFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port);
    await once(socket, 'listening');
  } catch {
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}
