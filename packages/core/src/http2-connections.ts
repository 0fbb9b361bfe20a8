import type { Server as HttpServer } from 'node:http';
import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from './clock.ts';
import {
  type ConnectionCounts,
  type ConnectionsContext,
  type Cut,
  HttpConnections,
  type Shed,
} from './http-connections.ts';
import { Http2Session } from './http2-session.ts';
import type { RequestClassifier, RequestHead } from './request-classifier.ts';
import { isTlsServer } from './tls-server.ts';
import { type RequestKey, TrackedRequest, type Traffic } from './traffic.ts';

/** A server of `node:http2`, with or without TLS. */
export type AnyHttp2Server = Http2Server | Http2SecureServer;

interface OpenStream {
  readonly session: ServerHttp2Session;
  /** None for a tunnel. */
  readonly request?: TrackedRequest;
}

/**
 * Sessions are told one after another, so that their callers do not all come to the other instances at once, in
 * milliseconds: `eachMs` between two, and no longer than `atMostMs` for all of them.
 */
const SPREAD = { eachMs: 1, atMostMs: 2_000 };

/**
 * How long a session that is opened while callers are being sent away may stay, in milliseconds. Its caller learns of
 * instances late; told at once, it would open one session a request.
 */
const NEWCOMER_MS = 1_000;

/**
 * The connections of one attached HTTP/2 server. A stream is a request in flight; a stream of method CONNECT is counted as
 * an upgraded socket is. Connections that speak HTTP/1 (`allowHTTP1`) are treated as those of any HTTP/1 server.
 *
 * Callers are told later than those of HTTP/1, see `docs/http2.md`. `Connection: close` costs nothing and is said from the
 * start. A GOAWAY makes a caller open a new session, to this very instance for as long as it has not heard of the removal;
 * and a stream that crosses it is refused, since Node, once it has sent a GOAWAY, drops what comes, even after one with
 * stream 2^31-1 that promises to take it. So callers are told from when the floor has passed, when those that follow a
 * registry have left by themselves, and each at a moment at which hardly anything is on the way.
 */
export class Http2Connections {
  readonly server: AnyHttp2Server;
  readonly #traffic: Traffic;
  readonly #clock: Clock;
  readonly #classifier: RequestClassifier;
  readonly #leavesTunnels: boolean;
  readonly #http1: HttpConnections;
  readonly #sessions = new Map<ServerHttp2Session, Http2Session>();
  readonly #streams = new Map<ServerHttp2Stream, OpenStream>();
  readonly #tunnels = new Set<ServerHttp2Stream>();
  /** The event that brings the socket of a session, in the turn in which the session comes. */
  readonly #arrival: 'connection' | 'secureConnection';
  #arrived: Socket | undefined;
  #sendsAway = false;
  /** Sessions that were told since {@link sendAway} was last called. */
  #told = 0;

  constructor(server: AnyHttp2Server, context: ConnectionsContext) {
    this.server = server;
    this.#traffic = context.traffic;
    this.#clock = context.clock;
    this.#classifier = context.classifier;
    this.#leavesTunnels = context.longLived.tunnels === 'leave';
    this.#http1 = new HttpConnections(server as unknown as HttpServer, context, speaksHttp1);
    this.#arrival = isTlsServer(server) ? 'secureConnection' : 'connection';
    server.prependListener(this.#arrival, this.#onArrival);
    server.prependListener('session', this.#onSession);
    // Never `request`: a listener for it switches Node's compatibility layer on, which answers what nobody else answers.
    server.prependListener('stream', this.#onStream);
  }

  counts(): ConnectionCounts {
    const { size } = this.#sessions;
    return size > 0 ? { ...this.#http1.counts(), http2: size } : this.#http1.counts();
  }

  get upgraded(): number {
    return this.#http1.upgraded + (this.#leavesTunnels ? 0 : this.#tunnels.size);
  }

  /** Connections of HTTP/1 alone: a session that is told now may still bring a stream, and {@link leaving} waits for it. */
  get mayCall(): number {
    return this.#http1.mayCall;
  }

  get accepts(): boolean {
    return this.#http1.accepts;
  }

  /** Sessions that were told a moment ago, and whose callers have not closed them yet. */
  get leaving(): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.leaving) count += 1;
    return count;
  }

  takeCollisions(): readonly TrackedRequest[] {
    return this.#http1.takeCollisions();
  }

  /** HTTP/1 only; see above. */
  startTelling(): void {
    this.#http1.startTelling();
  }

  stopTelling(): void {
    this.#http1.stopTelling();
    this.#sendsAway = false;
    for (const session of this.#sessions.values()) session.stay();
  }

  noteHalfHeads(): void {
    this.#http1.noteHalfHeads();
  }

  /**
   * Sends GOAWAY to the sessions whose time has come; to be called again and again.
   *
   * @returns how many were told since the last call.
   */
  sendAway(pace: 'spread' | 'at-once'): number {
    const now = this.#clock.now();
    if (pace === 'at-once') for (const session of this.#sessions.values()) session.leaveFrom(now);
    else if (!this.#sendsAway) this.#planFrom(now);
    this.#sendsAway = true;
    for (const session of this.#sessions.values()) session.tellInTime();
    const told = this.#told;
    this.#told = 0;
    return told;
  }

  shed(since: number, quietSince?: number): Shed {
    const shed = this.#http1.shed(since, quietSince);
    const closed = this.sendAway('spread');
    let waiting = 0;
    for (const session of this.#sessions.values()) {
      if (session.leaving || (session.open === 0 && !session.told)) waiting += 1;
    }
    return { closed: shed.closed + closed, waiting: shed.waiting + waiting };
  }

  stopListening(): void {
    this.#http1.stopListening();
  }

  listenAgain(): void {
    this.#http1.listenAgain();
  }

  /** Destroys the sessions with a stream that `mayCut`, or with a tunnel. */
  cut(mayCut: (request: RequestKey | undefined) => boolean): Cut {
    const upgraded = this.#leavesTunnels ? 0 : this.#tunnels.size;
    const hit = new Set<ServerHttp2Session>();
    for (const [stream, { session }] of this.#streams) {
      if (this.#tunnels.has(stream) || mayCut(stream)) hit.add(session);
    }
    for (const session of hit) this.#destroy(session);
    const rest = this.#http1.cut(mayCut);
    return { destroyed: hit.size + rest.destroyed, upgraded: upgraded + rest.upgraded };
  }

  /** Every caller is told now. Streams in flight are finished. */
  endIdle(): number {
    for (const session of this.#sessions.values()) session.tell();
    return this.#http1.endIdle();
  }

  /** As {@link HttpConnections.force}. */
  async force(withinMs: number): Promise<number> {
    const left = [...this.#sessions.values()].filter((session) => !session.told || session.open > 0).length;
    for (const session of [...this.#sessions.keys()]) this.#destroy(session);
    return left + (await this.#http1.force(withinMs));
  }

  detach(): void {
    this.server.removeListener(this.#arrival, this.#onArrival);
    this.server.removeListener('session', this.#onSession);
    this.server.removeListener('stream', this.#onStream);
    for (const stream of [...this.#streams.keys()]) this.#forget(stream);
    for (const [session, followed] of this.#sessions) {
      followed.stay();
      session.removeListener('close', followed.onClose);
    }
    this.#sessions.clear();
    this.#http1.detach();
  }

  #planFrom(now: number): void {
    const eachMs = Math.min(SPREAD.eachMs, SPREAD.atMostMs / this.#sessions.size);
    let at = now;
    for (const session of this.#sessions.values()) {
      session.leaveFrom(at);
      at += eachMs;
    }
  }

  readonly #onArrival = (socket: Socket | TLSSocket): void => {
    this.#arrived = socket;
  };

  readonly #onSession = (session: ServerHttp2Session): void => {
    const followed = this.#adopt(session);
    if (this.#sendsAway) followed.leaveFrom(this.#clock.now() + NEWCOMER_MS);
  };

  #adopt(session: ServerHttp2Session): Http2Session {
    const socket = this.#arrived?.remotePort === session.socket.remotePort ? this.#arrived : undefined;
    this.#arrived = undefined;
    const followed = new Http2Session(session, socket, this.#clock, {
      onTold: () => {
        this.#told += 1;
      },
      onClose: () => void this.#sessions.delete(session),
    });
    this.#sessions.set(session, followed);
    session.once('close', followed.onClose);
    return followed;
  }

  readonly #onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: string[],
  ): void => {
    const session = stream.session as ServerHttp2Session | undefined;
    // Given up by its caller before anybody saw it.
    if (session === undefined || stream.destroyed) return;
    const followed = this.#sessions.get(session) ?? this.#adopt(session);
    stream.once('close', () => this.#forget(stream));
    if (headers[':method'] === 'CONNECT') {
      this.#tunnels.add(stream);
      this.#streams.set(stream, { session });
    } else {
      const head = headOf(session, headers, rawHeaders);
      const classifier = this.#classifier;
      const now = this.#clock.now();
      const request = new TrackedRequest(stream, head, now, classifier.counts(head), classifier.leaves(head));
      this.#streams.set(stream, { session, request });
      this.#traffic.begin(request);
    }
    followed.streamOpened();
  };

  #forget(stream: ServerHttp2Stream): void {
    const open = this.#streams.get(stream);
    if (open === undefined) return;
    this.#streams.delete(stream);
    this.#tunnels.delete(stream);
    if (open.request !== undefined) this.#traffic.end(open.request);
    this.#sessions.get(open.session)?.streamClosed();
  }

  /** None of its streams is in flight any more when it returns. */
  #destroy(session: ServerHttp2Session): void {
    this.#sessions.get(session)?.destroy();
    for (const [stream, open] of [...this.#streams]) if (open.session === session) this.#forget(stream);
  }
}

/** What Node's own server decides by, with `allowHTTP1` and without. */
function speaksHttp1(socket: Socket | TLSSocket): boolean {
  const protocol = 'alpnProtocol' in socket ? socket.alpnProtocol : undefined;
  return protocol === false || protocol === 'http/1.1';
}

/** What the classifier of requests wants to know; an HTTP/2 request has pseudo-headers for the first line of HTTP/1. */
function headOf(session: ServerHttp2Session, headers: IncomingHttpHeaders, rawHeaders: string[]): RequestHead {
  const { [':method']: method, [':path']: url } = headers;
  return { method, url, headers, rawHeaders, httpVersion: '2.0', socket: session.socket };
}
