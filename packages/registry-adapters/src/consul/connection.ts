import { EventEmitter } from 'node:events';
import { RegistryError } from '@prestop/core';
import { aborted } from '../abort.ts';
import type { ClientCall, ClientContext, ClientRequest, ConsulClient, ConsulClientClass } from './client-package.ts';
import { toRegistryError } from './errors.ts';
import { Secrets } from './secrets.ts';
import type { ConnectionSettings } from './settings.ts';

/** One call of the client. */
export interface Call<Result> {
  /** For errors: `deregister "orders-1"`. */
  readonly name: string;
  /** What the token must be allowed to do. */
  readonly rights: string;
  readonly signal: AbortSignal;
  readonly run: (client: ConsulClient, call: ClientCall) => Promise<Result>;
}

const REGISTER = 'agent.service.register';

/** The client of one agent, with a limit, a signal, the current token and our errors for every call. */
export class Connection {
  /** Without credentials. */
  readonly address: string;
  readonly #registry: string;
  readonly #client: ConsulClient;
  readonly #secrets: Secrets;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  constructor(registry: string, Client: ConsulClientClass, settings: ConnectionSettings) {
    const { address, tls, token, tokenFile } = settings;
    this.address = address.shown;
    this.#registry = registry;
    this.#timeoutMs = settings.requestTimeoutMs;
    this.#secrets = new Secrets(registry, token, tokenFile, [address.password, tls?.passphrase]);
    const { baseUrl, socketPath } = address;
    this.#client = new Client({ baseUrl, ...(socketPath === undefined ? {} : { socketPath }), ...tls });
    this.#client._ext('onCreate', (request, next) => {
      complete(request.opts, settings);
      next();
    });
  }

  /** @throws RegistryError whatever goes wrong; after `close()` of kind `invalid`. */
  async call<Result>({ name, rights, signal, run }: Call<Result>): Promise<Result> {
    const closing = this.#closing.signal;
    this.#refuse(name, signal);
    const token = await this.#secrets.token();
    this.#refuse(name, signal);
    const ctx: ClientContext = new EventEmitter();
    const cancel = (): void => {
      ctx.canceled = true;
      ctx.emit('cancel');
    };
    signal.addEventListener('abort', cancel, { once: true });
    closing.addEventListener('abort', cancel, { once: true });
    try {
      return await run(this.#client, { ctx, timeout: this.#timeoutMs, ...(token === undefined ? {} : { token }) });
    } catch (thrown) {
      this.#refuse(name, signal);
      throw toRegistryError(thrown, {
        registry: this.#registry,
        call: name,
        address: this.address,
        timeoutMs: this.#timeoutMs,
        rights,
        redact: (text) => this.#secrets.redact(text),
      });
    } finally {
      signal.removeEventListener('abort', cancel);
      closing.removeEventListener('abort', cancel);
    }
  }

  /** Ends the calls that are on the wire and destroys the sockets. */
  close(): void {
    this.#closing.abort();
    this.#client.destroy();
  }

  #refuse(name: string, signal: AbortSignal): void {
    if (this.#closing.signal.aborted) {
      throw new RegistryError(this.#registry, 'invalid', `${name}: the adapter is closed`);
    }
    if (signal.aborted) throw aborted(this.#registry, `${name} at ${this.address}`, signal);
  }
}

/** Adds what Consul understands and the client would drop: weights, namespace, partition. */
function complete(request: ClientRequest['opts'], { weights, namespace, partition }: ConnectionSettings): void {
  const isRegistration = request.name === REGISTER;
  request.query = {
    ...request.query,
    ...(namespace === undefined ? {} : { ns: namespace }),
    ...(partition === undefined ? {} : { partition }),
    // What a predecessor under the same id left behind, maintenance mode above all, ends with it.
    ...(isRegistration ? { 'replace-existing-checks': 'true' } : {}),
  };
  if (isRegistration && weights !== undefined) {
    request.body = { ...request.body, Weights: { Passing: weights.passing, Warning: weights.warning } };
  }
}
