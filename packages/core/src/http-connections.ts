import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, settledWithin } from './clock.ts';
import { Connection, type ConnectionKind } from './connection.ts';
import { Handovers } from './handovers.ts';
import { Handshakes } from './handshakes.ts';
import { HttpRequests, type RequestsContext } from './http-requests.ts';
import { Listener } from './listener.ts';
import type { LongLivedOptions } from './long-lived.ts';
import type { RequestJournal } from './request-journal.ts';
import { Terminator } from './terminator.ts';
import { isTlsServer } from './tls-server.ts';
import type { TrackedRequest } from './traffic.ts';

/** How many connections are ended in one turn of the event loop, so that shedding thousands starves nobody. */
const SHED_AT_ONCE = 200;

export type ConnectionCounts = Partial<Record<ConnectionKind, number>>;

/** What the connections of every server are followed with. */
export interface ConnectionsContext extends RequestsContext {
  readonly longLived: Required<LongLivedOptions>;
}

/** What a drain still waits for on a server's connections. */
export interface Shed {
  /** Connections closed in this round, silent and without a request. */
  readonly closed: number;
  /** Connections without a request that may not be closed yet. */
  readonly waiting: number;
}

/** What was cut: connections, and those among them that had been handed over. */
export interface Cut {
  readonly destroyed: number;
  readonly upgraded: number;
}

/**
 * The HTTP/1 connections of one attached server: which there are, who was told, who may be closed. Of an HTTP/2 server,
 * given with `serves`, the sockets for which that is true.
 */
export class HttpConnections {
  readonly server: Server;
  readonly #listener: Listener;
  readonly #handovers: Handovers;
  readonly #requests: HttpRequests;
  readonly #journal: RequestJournal;
  readonly #clock: Clock;
  readonly #longLived: Required<LongLivedOptions>;
  /** None for an HTTP/2 server: it adds a `request` listener, which switches Node's compatibility layer on. */
  readonly #terminator: Terminator | undefined;
  readonly #connections = new Map<Socket, Connection>();
  readonly #handshakes = new Handshakes();
  readonly #terminatesTls: boolean;
  readonly #serves: (socket: Socket) => boolean;

  constructor(server: Server, context: ConnectionsContext, serves?: (socket: Socket) => boolean) {
    this.server = server;
    this.#listener = new Listener(server);
    this.#journal = context.traffic.journal;
    this.#clock = context.clock;
    this.#longLived = context.longLived;
    this.#terminatesTls = isTlsServer(server);
    this.#terminator = serves === undefined ? new Terminator(server) : undefined;
    this.#serves = serves ?? (() => true);
    this.#requests = new HttpRequests(server, this.#connections, (socket) => this.#adopt(socket, true), context);
    server.prependListener('connection', this.#onConnection);
    server.prependListener('secureConnection', this.#onSecureConnection);
    this.#handovers = new Handovers(server, this.#onHandover);
  }

  /** How many connections of each kind there are now. */
  counts(): ConnectionCounts {
    const counts: ConnectionCounts = {};
    for (const connection of this.#connections.values()) {
      const kind = connection.kind();
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    if (this.#handshakes.count > 0) counts.handshake = this.#handshakes.count;
    return counts;
  }

  /** Those that may still bring a request: neither told nor ended. Handshakes included. */
  get mayCall(): number {
    let count = this.#handshakes.count;
    for (const { told, endedAt } of this.#connections.values()) if (!told && endedAt === undefined) count += 1;
    return count;
  }

  /** Whether the listener still takes connections. */
  get accepts(): boolean {
    return this.#listener.isOpen;
  }

  /** Upgraded sockets (WebSocket, CONNECT tunnels); Node hands them over, so their end is their handler's business. */
  get upgraded(): number {
    let count = 0;
    for (const connection of this.#connections.values()) if (connection.upgraded && !connection.leaves) count += 1;
    return count;
  }

  /** Requests since the last call that arrived on a connection after its last answer, and get none any more. */
  takeCollisions(): readonly TrackedRequest[] {
    return this.#requests.takeCollisions();
  }

  /** From now on every response says `Connection: close`, those in flight included if their head has not left. */
  startTelling(): void {
    this.#terminator?.follow();
    this.noteHalfHeads();
    this.#requests.startTelling();
  }

  /** Connections may be kept alive again, after a resume. */
  stopTelling(): void {
    this.#requests.stopTelling();
    this.#terminator?.release();
  }

  /** Half-sent heads are given their time from when they are first seen. */
  noteHalfHeads(): void {
    const now = this.#clock.now();
    for (const connection of this.#connections.values()) connection.noteHalfHead(now);
  }

  /**
   * Ends the connections that have been silent for long enough since `since`, a bounded number at a time; see
   * {@link Connection.mayCloseAt}.
   */
  shed(since: number, quietSince?: number): Shed {
    const now = this.#clock.now();
    let closed = 0;
    let waiting = 0;
    for (const connection of this.#connections.values()) {
      if (connection.endedAt !== undefined || connection.told || connection.upgraded || connection.inUse) {
        continue;
      }
      if (closed >= SHED_AT_ONCE || connection.mayCloseAt(since, now, quietSince) > now) waiting += 1;
      else {
        this.#end(connection, now);
        closed += 1;
      }
    }
    return { closed, waiting: waiting + this.#handshakes.waiting(now) };
  }

  /** Leaves the connections alone. */
  stopListening(): void {
    this.#listener.closeWhenDry();
  }

  /** After a resume. */
  listenAgain(): void {
    this.#listener.reopen();
  }

  /**
   * Destroys the connections with a request that `mayCut`, and those that were handed over; leaves the listener alone.
   * Their requests are not in flight any more when it returns.
   */
  cut(mayCut: (request: IncomingMessage | undefined) => boolean): Cut {
    let upgraded = 0;
    let destroyed = 0;
    for (const connection of [...this.#connections.values()]) {
      if (!connection.upgraded && !connection.open.some(({ request }) => mayCut(request))) continue;
      if (connection.upgraded && !connection.leaves) upgraded += 1;
      destroyed += 1;
      connection.endedAt = this.#clock.now();
      connection.socket.destroy();
      this.#forget(connection);
    }
    return { upgraded, destroyed };
  }

  /**
   * Ends every connection that has no request, whether it was told or not. The listener is closed by now.
   *
   * @returns how many.
   */
  endIdle(): number {
    const now = this.#clock.now();
    let ended = 0;
    for (const connection of this.#connections.values()) {
      if (!connection.inUse && !connection.upgraded && connection.endedAt === undefined) {
        this.#end(connection, now);
        ended += 1;
      }
    }
    return ended;
  }

  /**
   * The last, forced step: whatever is left is destroyed. Waits for that, but not for longer than `withinMs`: a socket that
   * was handed over before the server was attached is nobody's here.
   *
   * @returns how many connections that were.
   */
  async force(withinMs: number): Promise<number> {
    this.#listener.close();
    const left = [...this.#connections.values()].filter((connection) => connection.endedAt === undefined).length;
    const terminated = this.#terminator?.terminate();
    // It waits for every connection of the server to end, and knows only those that were accepted after it was made.
    for (const socket of this.#connections.keys()) socket.destroy();
    for (const socket of this.#handshakes.sockets) socket.destroy();
    if (terminated === undefined) return left;
    this.server.closeAllConnections();
    await settledWithin(this.#clock, withinMs, terminated);
    return left;
  }

  /** Takes every listener off the server and forgets its connections. */
  detach(): void {
    this.#listener.keepOpen();
    this.#requests.unfollow();
    this.server.removeListener('connection', this.#onConnection);
    this.server.removeListener('secureConnection', this.#onSecureConnection);
    this.#handovers.detach();
    this.#terminator?.release();
    for (const connection of this.#connections.values()) this.#forget(connection);
    this.#handshakes.clear();
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#listener.accepted();
    if (this.#terminatesTls) this.#handshakes.begin(socket, this.#clock.now());
    else if (this.#serves(socket)) this.#adopt(socket);
  };

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    this.#handshakes.done(socket);
    if (this.#serves(socket)) this.#adopt(socket);
  };

  #adopt(socket: Socket, inUse = false): Connection {
    const connection = new Connection(socket, this.#clock.now(), inUse);
    this.#connections.set(socket, connection);
    socket.on('close', this.#onClose);
    // Its event has been: it was closed before anybody went into its requests.
    if (socket.closed) queueMicrotask(() => this.#forget(connection));
    return connection;
  }

  #forget(connection: Connection): void {
    const { socket } = connection;
    socket.removeListener('close', this.#onClose);
    this.#connections.delete(socket);
    this.#requests.connectionGone(connection);
  }

  readonly #onClose = onEventOf((socket) => {
    this.#journal.catchUp();
    const connection = this.#connections.get(socket);
    if (connection !== undefined) this.#forget(connection);
  });

  #end(connection: Connection, now: number): void {
    connection.endedAt = now;
    connection.socket.end();
  }

  readonly #onHandover = (request: IncomingMessage): void => {
    // In HTTP/2 a CONNECT takes a stream and not the connection.
    if (request.httpVersionMajor > 1) return;
    const connection = this.#connections.get(request.socket) ?? this.#adopt(request.socket, true);
    connection.upgraded = true;
    connection.leaves = this.#longLived[request.method === 'CONNECT' ? 'tunnels' : 'upgrades'] === 'leave';
  };
}

/** One listener for every socket, so that an idle connection costs little. */
function onEventOf(run: (socket: Socket) => void): (this: Socket) => void {
  return function listener(this: Socket): void {
    run(this);
  };
}
