import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from './connection.ts';
import { type RequestClassifier, readFields } from './request-classifier.ts';
import type { JournalEntry } from './request-journal.ts';
import type { TrackedRequest } from './traffic.ts';

/**
 * A request and the response that goes with it: written into the journal when it comes, and again when it is answered,
 * unless it has not been gone into by then.
 *
 * Not a subclass, and its constructor only fills it in: V8 compiles such a one into the function that asks for it, and calls
 * any other through two stubs, for each request.
 */
export class Exchange implements TrackedRequest<IncomingMessage>, JournalEntry {
  readonly connection: Connection;
  request: IncomingMessage | undefined;
  /** `undefined` when it was sent to the end, as the request. */
  response: ServerResponse | undefined;
  readonly startedAt: number;
  readonly method: string | undefined;
  readonly target: string | undefined;
  counted = true;
  leaves = false;
  signals: TrackedRequest['signals'] = undefined;
  inFlight = false;
  older: TrackedRequest | undefined = undefined;
  newer: TrackedRequest | undefined = undefined;
  /** The fields of the head until they are read, see {@link readHead}. */
  #fields: readonly string[] | undefined;
  /** Their octets, as {@link readFields} counts them. */
  #fieldsLength = 0;
  announcesBody = false;
  /** When the response was sent to the end. */
  answeredAt: number | undefined = undefined;
  /** Octets on the connection by then, if they were read; see {@link Connection.octetsAt}. */
  received: number | undefined = undefined;
  /** Whether that was all of the request. */
  complete = false;
  #begun = false;

  private constructor(connection: Connection, request: IncomingMessage, response: ServerResponse, startedAt: number) {
    this.connection = connection;
    this.request = request;
    this.response = response;
    this.startedAt = startedAt;
    this.method = request.method;
    this.target = request.url;
    this.#fields = request.rawHeaders;
  }

  /** The request has come. */
  static begin(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    classifier: RequestClassifier,
    startedAt: number,
  ): Exchange {
    const exchange = new Exchange(connection, request, response, startedAt);
    if (classifier.countsAgent === undefined || mayHaveBody(exchange.method)) exchange.readHead(classifier);
    return exchange;
  }

  /** Asked for of late requests only, which are gone into when they come. */
  get head(): IncomingMessage | undefined {
    return this.request;
  }

  /**
   * Reads the fields of the head, if that was not done yet. Those of most requests are read when the journal is gone into,
   * many at a time; {@link Connection.hasHadBody} and a `classifier` that sees requests cannot wait.
   */
  readHead(classifier: RequestClassifier): void {
    const { request } = this;
    const fields = this.#fields;
    if (fields === undefined) return;
    this.#fields = undefined;
    const { userAgent, announcesBody, octets } = readFields(fields);
    this.#fieldsLength = octets;
    if (announcesBody) {
      this.announcesBody = true;
      this.connection.hasHadBody = true;
    }
    if (classifier.countsAgent !== undefined) this.counted = classifier.countsAgent(userAgent);
    else if (request !== undefined) {
      this.counted = classifier.counts(request, userAgent);
      this.leaves = classifier.leaves(request);
    }
  }

  /** Octets of the head, when written the way every common client does. */
  get headLength(): number {
    const { method = '', target = '' } = this;
    return method.length + ' '.length + target.length + ' HTTP/1.1\r\n'.length + this.#fieldsLength + '\r\n'.length;
  }

  /**
   * The response was sent to the end; with `exact`, what had come from the caller by then is read.
   *
   * @returns whether that is to be gone into besides: not when the request was not, and both will be at once.
   */
  answered(at: number, exact: boolean): boolean {
    const { connection } = this;
    this.answeredAt = at;
    this.received = connection.octetsAt(at, exact);
    // A request without a body is complete before it can be answered.
    this.complete = !connection.hasHadBody || this.request?.complete === true;
    // The journal may hold this for a second, and what the request brought is not ours, the fields apart that are still to
    // be read. One that was answered early is asked once more how long its body is.
    if (this.complete) this.request = undefined;
    this.response = undefined;
    return this.#begun;
  }

  enter(): void {
    const { follower } = this.connection;
    if (this.#begun) follower.responseFinished(this);
    else if (this.answeredAt !== undefined) follower.exchanged(this);
    else {
      this.#begun = true;
      follower.requestStarted(this);
    }
  }
}

/** RFC 9110 gives no meaning to one with these methods, and hardly a caller sends one. */
function mayHaveBody(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
