import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from './connection.ts';
import { type RequestClassifier, readFields } from './request-classifier.ts';
import type { ExchangeMessage, RequestLine } from './request-journal.ts';
import type { TrackedRequest } from './traffic.ts';

/** A request of HTTP/1 and the response that goes with it. */
export class Exchange implements TrackedRequest<IncomingMessage> {
  readonly connection: Connection;
  request: IncomingMessage | undefined;
  /** `undefined` when it was sent to the end, as the request. */
  response: ServerResponse | undefined;
  readonly startedAt: number;
  readonly method: string | undefined;
  readonly target: string | undefined;
  counted: boolean;
  readonly leaves: boolean;
  signals: TrackedRequest['signals'] = undefined;
  inFlight = false;
  older: TrackedRequest | undefined = undefined;
  newer: TrackedRequest | undefined = undefined;
  readonly announcesBody: boolean;
  /** Octets of the head, when written the way every common client does. */
  readonly headLength: number;
  /** When the response was sent to the end. */
  answeredAt: number | undefined = undefined;
  /** Octets on the connection by then, if they were read. */
  received: number | undefined = undefined;
  /** Whether that was all of the request. */
  complete = false;

  /** @param classifier Asked by the user agent alone where that is enough: by now the request may be a router's. */
  constructor(
    connection: Connection,
    { request, response }: ExchangeMessage,
    { method = '', target = '', fields }: RequestLine,
    classifier: RequestClassifier,
    startedAt: number,
  ) {
    const { userAgent, announcesBody, octets } = readFields(fields);
    this.connection = connection;
    this.request = request;
    this.response = response;
    this.startedAt = startedAt;
    this.method = method;
    this.target = target;
    this.announcesBody = announcesBody;
    this.headLength = method.length + ' '.length + target.length + ' HTTP/1.1\r\n'.length + octets + '\r\n'.length;
    const { countsAgent } = classifier;
    this.counted = countsAgent === undefined ? classifier.counts(request, userAgent) : countsAgent(userAgent);
    this.leaves = countsAgent === undefined && classifier.leaves(request);
  }

  /** Asked for of late requests only, which are gone into when they come. */
  get head(): IncomingMessage | undefined {
    return this.request;
  }

  /**
   * The response was sent to the end.
   *
   * @param received Octets on the connection, if they were read; what the heads say must be enough otherwise.
   */
  answered(at: number, received?: number): void {
    this.answeredAt = at;
    this.received = received;
    // A request without a body is complete before it can be answered.
    this.complete = !this.announcesBody || this.request?.complete === true;
    // One that was answered early is asked once more how long its body is.
    if (this.complete) this.request = undefined;
    this.response = undefined;
  }
}

/** Whether a request may bring a body: RFC 9110 gives no meaning to one with these methods, and hardly a caller sends one. */
export function mayHaveBody(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
