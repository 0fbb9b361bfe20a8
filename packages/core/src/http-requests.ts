import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';
import { type Connection, mayTell } from './connection.ts';
import { Exchange, mayHaveBody } from './exchange.ts';
import type { RequestClassifier } from './request-classifier.ts';
import type { ExchangeMessage, JournalReader, RequestJournal, RequestLine } from './request-journal.ts';
import { sayClose } from './say-close.ts';
import type { TrackedRequest, Traffic } from './traffic.ts';

/**
 * Published by Node for every HTTP/1 request of the process before any handler can see it, whatever event it is then
 * emitted as (`request`, `checkContinue`, `checkExpectation`).
 * https://nodejs.org/api/diagnostics_channel.html#http
 */
const REQUEST_START = 'http.server.request.start';
/** Published when a response was sent to the end. One that was not ends with its connection. */
const RESPONSE_FINISH = 'http.server.response.finish';

/**
 * How often what a connection has received is read though it could be worked out from the heads, in milliseconds: for
 * callers that write them in an unusual way. Of the one connection whose request is answered then.
 */
const READ_EVERY_MS = 10;

/** What requests are followed with. */
export interface RequestsContext {
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly classifier: RequestClassifier;
}

/**
 * The HTTP/1 requests of one attached server: written down when Node publishes them, gone into with their connections later;
 * and told, during a termination, that their connection ends with them.
 */
export class HttpRequests implements JournalReader {
  readonly #server: Server;
  readonly #connections: ReadonlyMap<Socket, Connection>;
  readonly #adopt: (socket: Socket) => Connection;
  readonly #traffic: Traffic;
  readonly #journal: RequestJournal;
  readonly #clock: Clock;
  readonly #classifier: RequestClassifier;
  #telling = false;
  /** Requests in flight that bring a body. */
  readonly #bodies = new Set<IncomingMessage>();
  /** Whether a body came that the method does not tell of: then any request may bring one. */
  #hasHadOddBody = false;
  /** When what was received is read once more where it could be worked out. */
  #readAgainAt = Number.NEGATIVE_INFINITY;
  #collisions: TrackedRequest[] = [];

  /**
   * @param connections Those of the server, by their sockets.
   * @param adopt Adds one that was accepted before anybody looked.
   */
  constructor(
    server: Server,
    connections: ReadonlyMap<Socket, Connection>,
    adopt: (socket: Socket) => Connection,
    { traffic, clock, classifier }: RequestsContext,
  ) {
    this.#server = server;
    this.#connections = connections;
    this.#adopt = adopt;
    this.#traffic = traffic;
    this.#journal = traffic.journal;
    this.#clock = clock;
    this.#classifier = classifier;
    this.#journal.follow(server, this);
    diagnostics.subscribe(REQUEST_START, this.#onRequestStart);
    diagnostics.subscribe(RESPONSE_FINISH, this.#onResponseFinish);
  }

  /** Follows no request any more. */
  unfollow(): void {
    diagnostics.unsubscribe(REQUEST_START, this.#onRequestStart);
    diagnostics.unsubscribe(RESPONSE_FINISH, this.#onResponseFinish);
    this.#journal.unfollow(this.#server);
  }

  /** From now on every answer says `Connection: close`, those in flight included if their head has not left. */
  startTelling(): void {
    this.#telling = true;
    for (const connection of this.#connections.values()) {
      connection.measureOpen();
      for (const exchange of connection.open) this.#tell(exchange);
    }
  }

  stopTelling(): void {
    this.#telling = false;
  }

  /** Requests since the last call that arrived on a connection after its last answer, and get none any more. */
  takeCollisions(): readonly TrackedRequest[] {
    return this.#collisions.splice(0);
  }

  /** The connection has gone, and its requests with it: a response that was queued behind another gets no event of its own. */
  connectionGone(connection: Connection): void {
    for (const exchange of connection.takeOpen()) {
      if (exchange.request !== undefined) this.#bodies.delete(exchange.request);
      this.#traffic.end(exchange);
    }
  }

  /** Every request of the service waits for this and {@link #onResponseFinish}. */
  readonly #onRequestStart = (message: unknown): void => {
    const published = message as ExchangeMessage;
    if (published.server !== this.#server) return;
    const { method, url, rawHeaders } = published.request;
    this.#journal.started(published, { method, target: url, fields: rawHeaders }, this.#clock.now());
    // The user's own word is asked of the request as it came, and a body has to be known of when the answer is sent.
    if (this.#classifier.countsAgent === undefined || mayHaveBody(method)) this.#journal.catchUp();
  };

  readonly #onResponseFinish = (message: unknown): void => {
    const published = message as ExchangeMessage;
    if (published.server !== this.#server) return;
    const now = this.#clock.now();
    if (this.#mustRead(published.request, now)) {
      this.#journal.catchUp();
      this.#finish(published, now, published.socket.bytesRead);
    } else this.#journal.finished(published, now);
  };

  /**
   * Whether it is to be read what has been received with an answer, which costs about as much as all that is done for a
   * request besides: not where it can be worked out from the heads, but for now and then.
   */
  #mustRead(request: IncomingMessage, now: number): boolean {
    if (this.#telling || this.#hasHadOddBody || (this.#bodies.size > 0 && this.#bodies.has(request))) return true;
    if (now < this.#readAgainAt) return false;
    this.#readAgainAt = now + READ_EVERY_MS;
    return true;
  }

  requestStarted(message: ExchangeMessage, line: RequestLine, startedAt: number): void {
    const connection = this.#connectionOf(message.socket);
    this.#start(new Exchange(connection, message, line, this.#classifier, startedAt));
  }

  responseFinished(message: ExchangeMessage, answeredAt: number): void {
    this.#finish(message, answeredAt);
  }

  exchanged(message: ExchangeMessage, line: RequestLine, startedAt: number, answeredAt: number): void {
    const connection = this.#connectionOf(message.socket);
    const exchange = new Exchange(connection, message, line, this.#classifier, startedAt);
    // It does not become the request in flight only to be taken away: that would cost more than the rest.
    if (this.#telling || connection.inUse || connection.told || connection.endedAt !== undefined) {
      this.#start(exchange);
      this.#finish(message, answeredAt);
      return;
    }
    this.#hasHadOddBody ||= exchange.announcesBody && !mayHaveBody(exchange.method);
    exchange.answered(answeredAt);
    this.#traffic.exchanged(exchange, answeredAt);
    connection.exchanged(exchange);
  }

  #start(exchange: Exchange): void {
    const { connection, request } = exchange;
    if (exchange.announcesBody && request !== undefined) this.#bodies.add(request);
    const startsAt = this.#telling ? connection.nextStartsAt : undefined;
    this.#traffic.begin(exchange);
    connection.requestStarted(exchange);
    // After an answer that said `close` there is none on this connection (RFC 9112 section 9.6).
    if (connection.endedAt !== undefined || connection.told) this.#collisions.push(exchange);
    if (this.#telling) {
      connection.measure(exchange, startsAt);
      this.#tell(exchange);
    }
  }

  /** @param received What had come from the caller by then, if it was read. */
  #finish({ request, socket }: ExchangeMessage, answeredAt: number, received?: number): void {
    const connection = this.#connections.get(socket);
    const exchange = connection?.open.find((open) => open.request === request);
    if (connection === undefined || exchange === undefined) return;
    this.#bodies.delete(request);
    exchange.answered(answeredAt, received);
    connection.responseFinished(exchange);
    this.#traffic.end(exchange, answeredAt);
  }

  #connectionOf(socket: Socket): Connection {
    return this.#connections.get(socket) ?? this.#adopt(socket);
  }

  #tell({ connection, request, response }: Exchange): void {
    if (request === undefined || response === undefined) return;
    sayClose(
      response,
      () => this.#telling && mayTell(connection, request),
      () => {
        connection.told = true;
      },
    );
  }
}
