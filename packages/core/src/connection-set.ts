import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Clock } from './clock.ts';
import { LifecycleError } from './errors.ts';
import { type ConnectionCounts, type Cut, HttpConnections, type Shed } from './http-connections.ts';
import type { RequestClassifier } from './request-classifier.ts';
import type { TrackedRequest, Traffic } from './traffic.ts';

/** A server that can be attached. */
export type AttachableServer = HttpServer | HttpsServer;

function isAttachable(server: unknown): server is AttachableServer {
  return server instanceof HttpServer || server instanceof HttpsServer;
}

/** The connections of all attached servers, as one. */
export class ConnectionSet {
  readonly #traffic: Traffic;
  readonly #clock: Clock;
  readonly #classify: RequestClassifier;
  readonly #servers = new Map<AttachableServer, HttpConnections>();

  constructor(traffic: Traffic, clock: Clock, classify: RequestClassifier) {
    this.#traffic = traffic;
    this.#clock = clock;
    this.#classify = classify;
  }

  get servers(): IterableIterator<AttachableServer> {
    return this.#servers.keys();
  }

  get upgraded(): number {
    return this.#sum((connections) => connections.upgraded);
  }

  /** @throws LifecycleError `ERR_PRESTOP_SERVER_INVALID`, `ERR_PRESTOP_SERVER_ATTACHED` */
  attach(server: AttachableServer): void {
    if (!isAttachable(server)) {
      const rule = 'a server of node:http or node:https (in Express, what app.listen() returns)';
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
    this.#servers.set(server, new HttpConnections(server, this.#traffic, this.#clock, this.#classify));
  }

  counts(): ConnectionCounts {
    const total: ConnectionCounts = {};
    for (const connections of this.#servers.values()) {
      for (const [kind, count] of Object.entries(connections.counts()) as [keyof ConnectionCounts, number][]) {
        total[kind] = (total[kind] ?? 0) + count;
      }
    }
    return total;
  }

  startTelling(): void {
    for (const connections of this.#servers.values()) connections.startTelling();
  }

  stopTelling(): void {
    for (const connections of this.#servers.values()) connections.stopTelling();
  }

  noteHalfHeads(): void {
    for (const connections of this.#servers.values()) connections.noteHalfHeads();
  }

  shed(since: number): Shed {
    let closed = 0;
    let waiting = 0;
    for (const connections of this.#servers.values()) {
      const shed = connections.shed(since);
      closed += shed.closed;
      waiting += shed.waiting;
    }
    return { closed, waiting };
  }

  takeCollisions(): TrackedRequest[] {
    return [...this.#servers.values()].flatMap((connections) => connections.takeCollisions());
  }

  stopListening(): void {
    for (const connections of this.#servers.values()) connections.stopListening();
  }

  listenAgain(): void {
    for (const connections of this.#servers.values()) connections.listenAgain();
  }

  /** Destroys the connections that are in use by counted requests or were handed over. @returns what was cut. */
  cut(): Cut & { readonly requests: readonly TrackedRequest[] } {
    const counted = new Map([...this.#traffic.requests()].filter(([, request]) => request.counted));
    let upgraded = 0;
    let destroyed = 0;
    for (const connections of this.#servers.values()) {
      const cut = connections.cut((request) => counted.has(request));
      upgraded += cut.upgraded;
      destroyed += cut.destroyed;
    }
    return { requests: [...counted.values()], upgraded, destroyed };
  }

  endIdle(): void {
    for (const connections of this.#servers.values()) connections.endIdle();
  }

  /** The last, forced step. @returns how many connections had to be destroyed. */
  async force(): Promise<number> {
    const destroyed = await Promise.all([...this.#servers.values()].map((connections) => connections.force()));
    return destroyed.reduce((sum, count) => sum + count, 0);
  }

  detach(): void {
    for (const connections of this.#servers.values()) connections.detach();
    this.#servers.clear();
  }

  #sum(count: (connections: HttpConnections) => number): number {
    let total = 0;
    for (const connections of this.#servers.values()) total += count(connections);
    return total;
  }
}
