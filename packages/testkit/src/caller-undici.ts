import { Client, type Dispatcher } from 'undici';
import {
  type CallerRequest,
  type CallerTls,
  type Outcome,
  type TargetClient,
  TIMED_OUT,
  tlsSettings,
} from './caller-client.ts';
import { causeOf } from './errors.ts';

/** An undici Client as a caller: one connection kept alive, no pipelining, no retry. */
export function undiciClient(target: URL, tls: CallerTls | undefined): TargetClient {
  const client = new Client(target, { pipelining: 1, ...(tls === undefined ? {} : { connect: tlsSettings(tls) }) });
  let requestsOnConnection = 0;
  client.on('connect', () => {
    requestsOnConnection = 0;
  });
  // A connection that fails fails its request; there is nothing to add here.
  client.on('connectionError', () => undefined);

  return {
    send(call: CallerRequest, timeoutMs: number): Promise<Outcome> {
      return new Promise((resolve) => {
        const exchange = new Exchange(call.validate !== undefined, () => ++requestsOnConnection, resolve);
        const { path, method = 'GET', headers, body } = call;
        exchange.giveUpAfter(timeoutMs);
        client.dispatch(
          {
            path,
            method: method as Dispatcher.HttpMethod,
            ...(headers === undefined ? {} : { headers: { ...headers } }),
            ...(body === undefined ? {} : { body }),
          },
          exchange,
        );
      });
    },
    close: () => void client.destroy().catch(() => undefined),
  };
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #chunks: Buffer[] | undefined;
  readonly #count: () => number;
  readonly #resolve: (outcome: Outcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #requestOnConnection = 0;
  #status: number | undefined;
  #givenUp = false;

  constructor(keepBody: boolean, count: () => number, resolve: (outcome: Outcome) => void) {
    this.#chunks = keepBody ? [] : undefined;
    this.#count = count;
    this.#resolve = resolve;
  }

  giveUpAfter(timeoutMs: number): void {
    this.#timer = setTimeout(() => {
      this.#givenUp = true;
      this.#controller?.abort(new Error(TIMED_OUT));
      this.#settle(TIMED_OUT);
    }, timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it was still connecting: it must not be sent now.
    if (this.#givenUp) {
      controller.abort(new Error(TIMED_OUT));
      return;
    }
    this.#controller = controller;
    this.#requestOnConnection = this.#count();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks?.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController, failure: Error): void {
    this.#settle(causeOf(failure));
  }

  #settle(cause?: string): void {
    clearTimeout(this.#timer);
    this.#resolve({
      requestOnConnection: this.#requestOnConnection,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(cause === undefined ? {} : { cause }),
      ...(cause === undefined && this.#chunks ? { body: Buffer.concat(this.#chunks).toString() } : {}),
    });
  }
}
