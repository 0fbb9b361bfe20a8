import type { IncomingMessage, Server } from 'node:http';

/** The events in which Node gives a socket away for good. */
const HANDOVERS = ['upgrade', 'connect'] as const;

/**
 * Tells of the connections of a server that are handed over. They are followed beside a listener of the user's only: a
 * listener of ours alone would make Node hand over requests that the user wants answered in the ordinary way.
 */
export class Handovers {
  readonly #server: Server;
  readonly #onHandover: (request: IncomingMessage) => void;

  constructor(server: Server, onHandover: (request: IncomingMessage) => void) {
    this.#server = server;
    this.#onHandover = onHandover;
    server.on('newListener', this.#onNewListener);
    server.on('removeListener', this.#onRemoveListener);
    for (const event of HANDOVERS) if (server.listenerCount(event) > 0) server.prependListener(event, onHandover);
  }

  /** Takes every listener off the server. */
  detach(): void {
    this.#server.removeListener('newListener', this.#onNewListener);
    this.#server.removeListener('removeListener', this.#onRemoveListener);
    for (const event of HANDOVERS) this.#server.removeListener(event, this.#onHandover);
  }

  readonly #onNewListener = (event: string | symbol, listener: unknown): void => {
    if (!isHandover(event) || listener === this.#onHandover) return;
    if (this.#server.listenerCount(event) === 0) this.#server.prependListener(event, this.#onHandover);
  };

  readonly #onRemoveListener = (event: string | symbol): void => {
    if (isHandover(event) && this.#server.listenerCount(event) === 1) {
      this.#server.removeListener(event, this.#onHandover);
    }
  };
}

function isHandover(event: string | symbol): event is (typeof HANDOVERS)[number] {
  return event === 'upgrade' || event === 'connect';
}
