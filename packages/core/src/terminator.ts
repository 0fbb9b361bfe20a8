import type { Server } from 'node:http';
import { createHttpTerminator, type HttpTerminator } from 'http-terminator';

/** What a terminator may listen to on a server. */
const EVENTS = ['connection', 'secureConnection', 'request'];

/**
 * http-terminator for the time of a termination: it follows every connection that is accepted from then on once more, which
 * the requests of a running service would pay for. Its listeners, which it leaves behind, can be taken off the server.
 */
export class Terminator {
  readonly #server: Server;
  #terminator: HttpTerminator | undefined;
  readonly #releases: (() => void)[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** Follows connections from now on; does nothing when it does already. */
  follow(): void {
    // Its own waiting is turned off: by the time it is asked, everything that could be waited for has been.
    this.#terminator ??= this.#releasing(() =>
      createHttpTerminator({ server: this.#server, gracefulTerminationTimeout: 0 }),
    );
  }

  /** Destroys the connections it follows. Resolves when they are closed; does nothing when it follows none. */
  async terminate(): Promise<void> {
    const terminator = this.#terminator;
    if (terminator === undefined) return;
    try {
      await this.#releasing(() => terminator.terminate());
    } catch (error) {
      // The listener is closed already, which is the only thing it could still complain of.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SERVER_NOT_RUNNING') throw error;
    }
  }

  /** Takes its listeners off the server. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
    this.#terminator = undefined;
  }

  /** Runs `act` and remembers which listeners it added to the server. */
  #releasing<Result>(act: () => Result): Result {
    const server = this.#server;
    const before = new Map(EVENTS.map((event) => [event, new Set(server.listeners(event))]));
    const result = act();
    for (const event of EVENTS) {
      for (const listener of server.listeners(event)) {
        if (before.get(event)?.has(listener)) continue;
        this.#releases.push(() => server.removeListener(event, listener as () => void));
      }
    }
    return result;
  }
}
