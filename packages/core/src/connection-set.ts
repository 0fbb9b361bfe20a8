import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import { LifecycleError } from './errors.ts';
import {
  type ConnectionCounts,
  type ConnectionsContext,
  type Cut,
  HttpConnections,
  type Shed,
} from './http-connections.ts';
import { type AnyHttp2Server, Http2Connections } from './http2-connections.ts';
import type { RequestKey, TrackedRequest } from './traffic.ts';

/** A server that can be attached. */
export type AttachableServer = HttpServer | HttpsServer | AnyHttp2Server;

type ServerConnections = HttpConnections | Http2Connections;

/** By a method that only they have: `node:http2` exports no classes, and that of `node:https` would load TLS. */
function isHttp1(server: unknown): server is HttpServer | HttpsServer {
  return isServerWith(server, 'closeAllConnections') && !isHttp2(server);
}

function isHttp2(server: unknown): server is AnyHttp2Server {
  return isServerWith(server, 'updateSettings');
}

function isServerWith(server: unknown, method: string): boolean {
  return server instanceof NetServer && typeof (server as unknown as Record<string, unknown>)[method] === 'function';
}

/** The connections of all attached servers, as one. */
export class ConnectionSet {
  readonly #context: ConnectionsContext;
  readonly #servers = new Map<AttachableServer, ServerConnections>();
  #telling = false;

  constructor(context: ConnectionsContext) {
    this.#context = context;
  }

  get servers(): IterableIterator<AttachableServer> {
    return this.#servers.keys();
  }

  get upgraded(): number {
    return this.#sum((connections) => connections.upgraded);
  }

  /** Connections of HTTP/1 that may still bring a request. */
  get mayCall(): number {
    return this.#sum((connections) => connections.mayCall);
  }

  /** Whether a listener still takes connections. */
  get accepts(): boolean {
    return this.#all.some((connections) => connections.accepts);
  }

  /** @throws LifecycleError `ERR_PRESTOP_SERVER_INVALID`, `ERR_PRESTOP_SERVER_ATTACHED` */
  attach(server: AttachableServer): void {
    if (!isHttp1(server) && !isHttp2(server)) {
      const rule = 'a server of node:http, node:https or node:http2 (in Express, what app.listen() returns)';
      const value = typeof server;
      throw new LifecycleError('ERR_PRESTOP_SERVER_INVALID', `attach: the server must be ${rule}; it is ${value}`, {
        option: 'server',
        rule,
        value,
      });
    }
    if (this.#servers.has(server)) {
      const rule = 'attached once';
      throw new LifecycleError('ERR_PRESTOP_SERVER_ATTACHED', 'attach: this server is attached already', {
        option: 'server',
        rule,
      });
    }
    const connections = isHttp1(server)
      ? new HttpConnections(server, this.#context)
      : new Http2Connections(server, this.#context);
    this.#servers.set(server, connections);
    if (this.#telling) connections.startTelling();
  }

  counts(): ConnectionCounts {
    const total: ConnectionCounts = {};
    for (const connections of this.#all) {
      for (const [kind, count] of Object.entries(connections.counts()) as [keyof ConnectionCounts, number][]) {
        total[kind] = (total[kind] ?? 0) + count;
      }
    }
    return total;
  }

  /** Also those of servers that are attached from now on. */
  startTelling(): void {
    this.#telling = true;
    this.#context.traffic.journal.writeThrough();
    for (const connections of this.#all) connections.startTelling();
  }

  stopTelling(): void {
    this.#telling = false;
    for (const connections of this.#all) connections.stopTelling();
    this.#context.traffic.journal.writeBehind();
  }

  noteHalfHeads(): void {
    for (const connections of this.#all) connections.noteHalfHeads();
  }

  /**
   * Sends HTTP/2 callers away: spread over their sessions, or all at once. To be called again and again.
   *
   * @returns how many were told since the last call.
   */
  sendAway(pace: 'spread' | 'at-once'): number {
    let told = 0;
    for (const connections of this.#http2()) told += connections.sendAway(pace);
    return told;
  }

  /** HTTP/2 sessions whose callers have been told and may still be reading that. */
  get leaving(): number {
    let leaving = 0;
    for (const connections of this.#http2()) leaving += connections.leaving;
    return leaving;
  }

  shed(since: number, quietSince?: number): Shed {
    let closed = 0;
    let waiting = 0;
    for (const connections of this.#all) {
      const shed = connections.shed(since, quietSince);
      closed += shed.closed;
      waiting += shed.waiting;
    }
    return { closed, waiting };
  }

  takeCollisions(): TrackedRequest[] {
    return this.#all.flatMap((connections) => connections.takeCollisions());
  }

  stopListening(): void {
    for (const connections of this.#all) connections.stopListening();
  }

  listenAgain(): void {
    for (const connections of this.#all) connections.listenAgain();
  }

  /** Destroys the connections that are in use by counted requests or were handed over. @returns what was cut. */
  cut(): Cut & { readonly requests: readonly TrackedRequest[] } {
    const requests = [...this.#context.traffic.requests()].filter(({ counted, leaves }) => counted && !leaves);
    const mayCut = new Set<RequestKey | undefined>(requests.map(({ request }) => request));
    let upgraded = 0;
    let destroyed = 0;
    for (const connections of this.#all) {
      const cut = connections.cut((request) => mayCut.has(request));
      upgraded += cut.upgraded;
      destroyed += cut.destroyed;
    }
    return { requests, upgraded, destroyed };
  }

  /** @returns how many connections of HTTP/1 were ended. */
  endIdle(): number {
    return this.#sum((connections) => connections.endIdle());
  }

  /** The last, forced step, `withinMs` at the most. @returns how many connections had to be destroyed. */
  async force(withinMs: number): Promise<number> {
    const destroyed = await Promise.all(this.#all.map((connections) => connections.force(withinMs)));
    return destroyed.reduce((sum, count) => sum + count, 0);
  }

  detach(): void {
    this.#context.traffic.journal.writeThrough();
    for (const connections of this.#all) connections.detach();
    this.#servers.clear();
  }

  /** Of every server, with everything gone into that has happened on them. */
  get #all(): readonly ServerConnections[] {
    this.#context.traffic.journal.catchUp();
    return [...this.#servers.values()];
  }

  *#http2(): IterableIterator<Http2Connections> {
    for (const connections of this.#all) if (connections instanceof Http2Connections) yield connections;
  }

  #sum(count: (connections: ServerConnections) => number): number {
    let total = 0;
    for (const connections of this.#all) total += count(connections);
    return total;
  }
}
