import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** What Node publishes when a request comes, and again, as another object, when its response was sent to the end. */
export interface ExchangeMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: unknown;
}

/** What a request says, as it came: a router may write its own into it. */
export interface RequestLine {
  readonly method: string | undefined;
  readonly target: string | undefined;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/** Whoever goes into what happened to the requests of a server, in the order in which it did. */
export interface JournalReader {
  requestStarted(message: ExchangeMessage, line: RequestLine, startedAt: number): void;
  responseFinished(message: ExchangeMessage, answeredAt: number): void;
  /** Both of it: no other request came on its connection in between. */
  exchanged(message: ExchangeMessage, line: RequestLine, startedAt: number, answeredAt: number): void;
}

/** What is written down before it is gone into: requests and answers. */
const CAPACITY = 16;
/** How long it waits at the most, in milliseconds: it holds requests in memory that were answered. */
const AT_MOST_MS = 100;

/**
 * Keeps bookkeeping off the path of a request: it is written down what happened, and gone into when there is enough of it, or
 * as soon as somebody asks. By then most requests have been answered, which is less to go into than a start and an end; and
 * what the bookkeeping looks at has to be brought into the processor's memory once for several.
 *
 * On the path nothing is made but lists, and nothing is looked at but what Node has just published.
 */
export class RequestJournal {
  readonly #clock: Clock;
  readonly #readers = new Map<unknown, JournalReader>();
  /** Lists for every time, since to write what is new into an old object costs more than a list. */
  #messages: (ExchangeMessage | undefined)[] = [];
  /** Of each message that tells of a request that came. */
  #lines: RequestLine[] = [];
  readonly #instants = new Float64Array(CAPACITY);
  /** 1 for an answer. */
  readonly #answers = new Uint8Array(CAPACITY);
  #waits = true;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on what happens to the requests of `server` is for `reader`. */
  follow(server: unknown, reader: JournalReader): void {
    this.#readers.set(server, reader);
  }

  unfollow(server: unknown): void {
    this.#readers.delete(server);
  }

  /** A request has come, of a server that is followed. */
  started(message: ExchangeMessage, line: RequestLine, at: number): void {
    this.#lines.push(line);
    this.#write(message, at, 0);
  }

  /** Its response was sent to the end. */
  finished(message: ExchangeMessage, at: number): void {
    this.#write(message, at, 1);
  }

  #write(message: ExchangeMessage, at: number, answer: 0 | 1): void {
    const index = this.#messages.length;
    this.#instants[index] = at;
    this.#answers[index] = answer;
    this.#messages.push(message);
    if (index === CAPACITY - 1 || !this.#waits) this.catchUp();
    else if (this.#cancel === undefined) this.#catchUpSoon();
  }

  /** To be called before anybody looks at what the bookkeeping changes. */
  catchUp(): void {
    const messages = this.#messages;
    if (messages.length === 0) return;
    const lines = this.#lines;
    this.#messages = [];
    this.#lines = [];
    let next = 0;
    for (let index = 0; index < messages.length; index++) {
      const message = messages[index];
      if (message === undefined) continue;
      const reader = this.#readers.get(message.server);
      const at = this.#instants[index] as number;
      if (this.#answers[index] === 1) {
        reader?.responseFinished(message, at);
        continue;
      }
      const line = lines[next++] as RequestLine;
      const answer = this.#answerTo(message, messages, index);
      if (answer === undefined) reader?.requestStarted(message, line, at);
      else {
        messages[answer] = undefined;
        reader?.exchanged(message, line, at, this.#instants[answer] as number);
      }
    }
  }

  /** Where it was written that the request at `index` was answered, unless another one came behind it on its connection. */
  #answerTo(
    { request, socket }: ExchangeMessage,
    messages: readonly (ExchangeMessage | undefined)[],
    index: number,
  ): number | undefined {
    for (let later = index + 1; later < messages.length; later++) {
      const message = messages[later];
      if (message === undefined || message.socket !== socket) continue;
      return message.request === request ? later : undefined;
    }
    return undefined;
  }

  /** From now on everything is gone into when it is written. */
  writeThrough(): void {
    this.#waits = false;
    this.#cancel?.();
    this.#cancel = undefined;
    this.catchUp();
  }

  /** It may wait again. */
  writeBehind(): void {
    this.#waits = true;
  }

  #catchUpSoon(): void {
    this.#cancel = this.#clock.after(
      AT_MOST_MS,
      () => {
        this.#cancel = undefined;
        this.catchUp();
      },
      { keepsAlive: false },
    );
  }
}
