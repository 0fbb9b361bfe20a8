import diagnostics from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

const REQUEST_START = diagnostics.channel('http.server.request.start');
const RESPONSE_FINISH = diagnostics.channel('http.server.response.finish');

export interface RequestShape {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether all of its body has come. Default true. */
  readonly complete?: boolean;
}

/** A connection that a caller opened, without a socket under it. */
export class FakeConnection {
  readonly socket: Socket;
  readonly #server: Server;
  readonly #emitter = new EventEmitter();
  readonly #open = new Set<FakeExchange>();
  #bytesRead = 0;
  #closed = false;
  #answersEnd = true;
  /** Whether our side was ended. */
  ending = false;
  /** How often it was asked what has been received. */
  reads = 0;

  constructor(server: Server, remotePort: number) {
    this.#server = server;
    const own = {
      remoteAddress: '10.0.0.1',
      remotePort,
      server,
      end: () => this.#end(),
      destroy: () => this.#close(),
    };
    this.socket = Object.assign(this.#emitter, own) as unknown as Socket;
    Object.defineProperty(this.socket, 'bytesRead', {
      get: () => {
        this.reads += 1;
        return this.#bytesRead;
      },
    });
  }

  /** Whether a request can still be sent on it. */
  get usable(): boolean {
    return !this.#closed;
  }

  /** The caller will not close its side when it sees ours end. */
  ignoreEnd(): void {
    this.#answersEnd = false;
  }

  /** Octets that are no complete request head. */
  receive(octets: number): void {
    this.#bytesRead += octets;
  }

  request({ method = 'GET', url = '/orders', headers = {}, complete = true }: RequestShape = {}): FakeExchange {
    const all: Record<string, string> = { 'user-agent': 'caller/1', ...headers };
    const fields = Object.entries(all);
    const head = `${method} ${url} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    this.#bytesRead += head.length;
    const exchange = new FakeExchange(this, { method, url, headers: all, complete });
    this.#open.add(exchange);
    REQUEST_START.publish(this.#messageOf(exchange));
    return exchange;
  }

  /** Node hands the socket over to a listener of the server, as for a WebSocket. */
  upgrade(): void {
    this.#server.emit('upgrade', { socket: this.socket });
  }

  /** The caller goes away, or the server's side ended. */
  close(): void {
    this.#close();
  }

  /** Responses leave in the order of their requests: those that are ready, up to the first that is not. */
  flush(): void {
    for (const exchange of this.#open) {
      if (!exchange.ready || this.#closed) return;
      this.#open.delete(exchange);
      RESPONSE_FINISH.publish(this.#messageOf(exchange));
      exchange.leave();
    }
  }

  forget(exchange: FakeExchange): void {
    this.#open.delete(exchange);
  }

  #messageOf({ request, response }: FakeExchange): object {
    return { request, response, socket: this.socket, server: this.#server };
  }

  /** A caller closes its side as soon as it sees ours end. */
  #end(): void {
    this.ending = true;
    if (this.#answersEnd) this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => {
      for (const exchange of this.#open) exchange.lose();
      Object.assign(this.#emitter, { closed: true });
      this.#emitter.emit('close');
    });
  }
}

/** A request and its response, as a handler sees them. */
export class FakeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The head that left, once it did. */
  head: { readonly status: number; readonly headers: OutgoingHttpHeaders } | undefined;
  body = '';
  outcome: 'open' | 'answered' | 'lost' = 'open';
  /** The handler is done; the response leaves when those before it have left. */
  ready = false;
  readonly #connection: FakeConnection;
  readonly #emitter = new EventEmitter();

  constructor(connection: FakeConnection, { method, url, headers, complete }: Required<RequestShape>) {
    this.#connection = connection;
    this.request = {
      method,
      url,
      headers,
      rawHeaders: Object.entries(headers).flat(),
      socket: connection.socket,
      complete,
      resume: () => {},
    } as unknown as IncomingMessage;
    const set: OutgoingHttpHeaders = {};
    const own = {
      setHeader: (name: string, value: string) => {
        set[name.toLowerCase()] = value;
      },
      getHeader: (name: string) => set[name.toLowerCase()],
      writeHead: (status: number, given: OutgoingHttpHeaders = {}) => {
        const lower = Object.entries(given).map(([name, value]) => [name.toLowerCase(), value] as const);
        this.head = { status, headers: { ...set, ...Object.fromEntries(lower) } };
        Object.assign(this.#emitter, { headersSent: true });
      },
      end: (body = '') => {
        this.body = body;
        this.#end();
      },
    };
    this.response = Object.assign(
      this.#emitter,
      { headersSent: false, destroyed: false },
      own,
    ) as unknown as ServerResponse;
  }

  get saidClose(): boolean {
    return this.head?.headers['connection'] === 'close';
  }

  /** The handler answers. */
  answer(status = 200): void {
    if (this.outcome !== 'open') return;
    this.response.writeHead(status);
    this.response.end();
  }

  /** The connection went away under it. */
  lose(): void {
    if (this.outcome !== 'open') return;
    this.outcome = 'lost';
    this.#connection.forget(this);
    this.#closed();
  }

  leave(): void {
    this.outcome = 'answered';
    this.#closed();
    if (this.saidClose) this.#connection.close();
  }

  #end(): void {
    this.ready = true;
    if (this.outcome === 'open' && !this.#connection.ending) this.#connection.flush();
  }

  #closed(): void {
    Object.assign(this.#emitter, { destroyed: true });
    this.#emitter.emit('close');
  }
}

/** A `node:http` server that claims to listen: requests are told to whoever follows it, and no port is opened. */
export class FakeServer {
  readonly server: Server = createServer();
  #port = 40_000;

  constructor(listening = true) {
    const { server } = this;
    // Node's own would put a parser on the connection, which needs a socket.
    server.removeAllListeners('connection');
    let up = listening;
    Object.defineProperty(server, 'listening', { get: () => up });
    Object.assign(server, {
      address: () => (up ? { address: '::', family: 'IPv6', port: 3_000 } : null),
      listen: () => {
        up = true;
        server.emit('listening');
        return server;
      },
    });
    server.on('close', () => {
      up = false;
    });
  }

  /** @throws Error when nothing listens: the caller's connection is refused. */
  connect(): FakeConnection {
    if (!this.server.listening) throw new Error('ECONNREFUSED');
    this.#port += 1;
    const connection = new FakeConnection(this.server, this.#port);
    this.server.emit('connection', connection.socket);
    return connection;
  }

  /** Every event that somebody listens to, and how many do. */
  listeners(): Record<string, number> {
    const { server } = this;
    return Object.fromEntries(server.eventNames().map((name) => [String(name), server.listenerCount(name)]));
  }

  /** A request on a connection of its own. */
  request(shape?: RequestShape): FakeExchange {
    return this.connect().request(shape);
  }
}
