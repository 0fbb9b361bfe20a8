import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EndpointHandler } from './endpoints.ts';
import { LifecycleError } from './errors.ts';
import type { AdminOptions } from './lifecycle-options.ts';

/** The server for the kubelet, on a port of its own that no Service names. */
export class AdminServer {
  readonly #server: Server;
  readonly #options: AdminOptions;

  constructor(options: AdminOptions, handle: EndpointHandler) {
    this.#options = options;
    // How often the limits below are looked at; Node's own 30 s would make 40 of their 10.
    this.#server = createServer({ connectionsCheckingInterval: 2_500 }, (request, response) => {
      if (handle(request, response)) return;
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
      response.end('not found\n');
    });
    // A hook is answered when the drain is over, however long that takes; only its arrival has a limit.
    this.#server.requestTimeout = 10_000;
    this.#server.headersTimeout = 10_000;
  }

  /** Where it listens; `undefined` before {@link listen}. */
  get address(): AddressInfo | undefined {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /** @throws LifecycleError `ERR_PRESTOP_ADMIN_LISTEN` when the port is taken or not allowed. */
  async listen(): Promise<void> {
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const rule = 'a port and an address that can be listened on';
        const where = `${host ?? 'the unspecified address'}, port ${port}`;
        const message = `the admin server cannot listen on ${where} (${cause.code}); set admin.port, or admin: false`;
        reject(
          new LifecycleError('ERR_PRESTOP_ADMIN_LISTEN', message, {
            option: 'admin.port',
            rule,
            value: String(port),
            cause,
          }),
        );
      });
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
  }

  /** Closes the listener and waits until the answers that are under way have left, `atMostMs` milliseconds. */
  async close(atMostMs: number): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  /** Closes everything at once. */
  destroy(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
