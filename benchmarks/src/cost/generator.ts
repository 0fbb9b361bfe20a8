import { connect, type Socket } from 'node:net';

/**
 * Loads a server from a process of its own, over connections that it keeps: one request at a time on each, the next as
 * soon as the answer is there. Its parent says when.
 */
export type GeneratorOrder =
  /** Load on the connections to `port`, which are opened the first time. */
  | { readonly load: { readonly port: number; readonly connections: number; readonly ms: number } }
  /** Opens connections, sends one request on each, and leaves them idle. */
  | { readonly idle: { readonly port: number; readonly connections: number } };

export interface GeneratorAnswer {
  readonly requests: number;
  readonly ms: number;
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
/** Connections that are opened at the same time. */
const OPENED_AT_ONCE = 100;

class Client {
  readonly #socket: Socket;
  /** Octets of an answer; all are alike. */
  #length = 0;
  #received = 0;
  #answered: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#length === 0) this.#length = lengthOf(chunk);
      this.#received += chunk.length;
      if (this.#received < this.#length) return;
      this.#received -= this.#length;
      this.#answered();
    });
    socket.on('close', () => fail(new Error('the server closed a connection')));
  }

  static open(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Client(socket)));
      socket.setNoDelay(true);
      socket.once('error', reject);
    });
  }

  request(answered: () => void): void {
    this.#answered = answered;
    this.#socket.write(REQUEST);
  }
}

function lengthOf(chunk: Buffer): number {
  const head = chunk.subarray(0, chunk.indexOf(HEAD_END)).toString('latin1');
  const body = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (body === undefined || !head.startsWith('HTTP/1.1 200'))
    fail(new Error(`an answer that cannot be counted: ${head}`));
  return head.length + HEAD_END.length + Number(body);
}

function fail(error: Error): never {
  console.error(error);
  process.exit(1);
}

const pools = new Map<number, Client[]>();

async function clientsOf(port: number, count: number): Promise<readonly Client[]> {
  const clients = pools.get(port) ?? [];
  pools.set(port, clients);
  while (clients.length < count) {
    const more = Math.min(OPENED_AT_ONCE, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: more }, () => Client.open(port)))));
  }
  return clients;
}

/**
 * Keeps this process from sleeping: to wake it is work of the service that answers it, whose callers are on other machines.
 *
 * @returns what lets it sleep again.
 */
function stayAwake(): () => void {
  let next = setImmediate(function turn() {
    next = setImmediate(turn);
  });
  return () => clearImmediate(next);
}

async function load({
  port,
  connections,
  ms,
}: {
  port: number;
  connections: number;
  ms: number;
}): Promise<GeneratorAnswer> {
  const clients = await clientsOf(port, connections);
  const letSleep = stayAwake();
  const startedMs = performance.now();
  const untilMs = startedMs + ms;
  let requests = 0;
  await Promise.all(
    clients.map(
      (client) =>
        new Promise<void>((resolve) => {
          const next = (): void => {
            requests += 1;
            if (performance.now() < untilMs) client.request(next);
            else resolve();
          };
          client.request(next);
        }),
    ),
  );
  letSleep();
  return { requests, ms: performance.now() - startedMs };
}

async function idle({ port, connections }: { port: number; connections: number }): Promise<GeneratorAnswer> {
  const startedMs = performance.now();
  const clients = await clientsOf(port, connections);
  for (let from = 0; from < clients.length; from += OPENED_AT_ONCE) {
    await Promise.all(
      clients
        .slice(from, from + OPENED_AT_ONCE)
        .map((client) => new Promise<void>((resolve) => client.request(resolve))),
    );
  }
  return { requests: clients.length, ms: performance.now() - startedMs };
}

process.on('message', (order: GeneratorOrder) => {
  const done = 'load' in order ? load(order.load) : idle(order.idle);
  done.then((answer) => process.send?.(answer), fail);
});
process.on('disconnect', () => process.exit());
