import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SILENT_SOCKET_MS } from './connection.ts';

/** TLS connections of which the handshake is not done yet, by their raw sockets. */
export class Handshakes {
  readonly #acceptedAt = new Map<Socket, number>();
  /** Nothing public leads from the socket that decrypts to the raw one but what both are connected to. */
  readonly #byEndpoint = new Map<string, Socket>();
  /** Those of a Unix socket, which are connected to nothing that has a name. */
  readonly #nameless = new Set<Socket>();

  get count(): number {
    return this.#acceptedAt.size;
  }

  get sockets(): Iterable<Socket> {
    return this.#acceptedAt.keys();
  }

  begin(socket: Socket, now: number): void {
    const endpoint = endpointOf(socket);
    this.#acceptedAt.set(socket, now);
    if (endpoint === undefined) this.#nameless.add(socket);
    else this.#byEndpoint.set(endpoint, socket);
    socket.once('close', () => this.#end(socket, endpoint));
  }

  done(socket: TLSSocket): void {
    const endpoint = endpointOf(socket);
    // The nameless are all alike: which of them it was makes no difference but for its age. A caller that has reset its
    // connection by now has no name either; its raw socket goes with its own event.
    const [nameless] = this.#nameless;
    const raw = endpoint === undefined ? nameless : this.#byEndpoint.get(endpoint);
    if (raw !== undefined) this.#end(raw, endpoint);
  }

  /** How many may still bring a request: Go's five seconds are theirs as well. */
  waiting(now: number): number {
    let waiting = 0;
    for (const acceptedAt of this.#acceptedAt.values()) if (acceptedAt + SILENT_SOCKET_MS > now) waiting += 1;
    return waiting;
  }

  clear(): void {
    this.#acceptedAt.clear();
    this.#byEndpoint.clear();
    this.#nameless.clear();
  }

  #end(socket: Socket, endpoint: string | undefined): void {
    this.#acceptedAt.delete(socket);
    this.#nameless.delete(socket);
    if (endpoint !== undefined && this.#byEndpoint.get(endpoint) === socket) this.#byEndpoint.delete(endpoint);
  }
}

/** Identifies a connection on both of its socket objects; `undefined` where it has no peer with an address. */
function endpointOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
