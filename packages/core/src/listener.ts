import { type AddressInfo, Server as NetServer } from 'node:net';

/** How many connections the kernel may hold that were not taken yet: Node's default, when nobody says another. */
const BACKLOG = 511;

/** The listening socket of a server, apart from its connections: closed without losing one, and opened again. */
export class Listener {
  readonly #server: NetServer;
  #accepted = 0;
  #closing: NodeJS.Immediate | undefined;
  #listenedOn: AddressInfo | string | undefined;

  constructor(server: NetServer) {
    this.#server = server;
  }

  get isOpen(): boolean {
    return this.#server.listening;
  }

  /** To be called for every connection that was taken. */
  accepted(): void {
    this.#accepted += 1;
  }

  /**
   * Closes when a turn of the event loop brought no new connection: those that the kernel holds for us would be reset with
   * the listener, and libuv takes one of them a turn.
   */
  closeWhenDry(): void {
    if (!this.#server.listening || this.#closing !== undefined) return;
    this.#listenedOn = this.#server.address() ?? undefined;
    // The turn in which a signal or a request is handled comes to its immediates before anything is accepted.
    this.#closing = setImmediate(() => this.#closeAfter(BACKLOG));
  }

  /**
   * Leaves the connections alone. Not `http.Server.close`, which destroys idle connections (Node 19) and silent ones
   * (Node 26) and stops enforcing `headersTimeout`.
   */
  close(): void {
    this.keepOpen();
    if (this.#server.listening) NetServer.prototype.close.call(this.#server);
  }

  /** Takes a close that has not happened yet back. */
  keepOpen(): void {
    clearImmediate(this.#closing);
    this.#closing = undefined;
  }

  /** Listens where it listened before {@link closeWhenDry}; nothing to do when it never stopped. */
  reopen(): void {
    this.keepOpen();
    const address = this.#listenedOn;
    if (address === undefined || this.#server.listening) return;
    if (typeof address === 'string') this.#server.listen(address);
    // The way it was asked for in all likelihood: workers of a cluster share a port only with those who ask alike.
    else if (address.address === '::') this.#server.listen(address.port);
    else this.#server.listen(address.port, address.address);
  }

  #closeAfter(turns: number): void {
    const before = this.#accepted;
    this.#closing = setImmediate(() => {
      if (this.#accepted === before || turns === 0) this.close();
      else this.#closeAfter(turns - 1);
    });
  }
}
