import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';

/**
 * How long an accepted socket may stay without a complete request head before it no longer holds up a drain, in
 * milliseconds. The rule and the number are those of Go's `http.Server.Shutdown` (golang/go#22682): a browser's spare
 * socket must not cost the whole budget, a caller that has just connected must not be cut.
 */
export const SILENT_SOCKET_MS = 5_000;

/**
 * The silence after which a kept-alive socket that was never told to close is given up, in milliseconds: seven of its
 * own mean gaps within these bounds, and the longest where its habits are not known yet.
 */
const UNTOLD_SILENCE = { minMs: 1_000, maxMs: 1_500, unknownMs: 2_200, missedGaps: 7 };
/** Requests that make a habit. */
const KNOWN_AFTER = 3;
/** Octets that the heads of a caller may be longer than they look: blanks around a few values, an empty line. */
const MOST_SURPLUS = 8;

/**
 * A caller that waited for an answer and sends its next request as soon as it has it is back by then, in milliseconds, if
 * it is not far away.
 */
export const CLOSED_LOOP_MS = 25;

/**
 * The silence of {@link UNTOLD_SILENCE} where nobody else calls any more: seven of the caller's own pauses between an
 * answer and its next request within these bounds, and the longest, more than a round trip takes, where they are not known.
 */
const LAST_ANSWER_SILENCE = { minMs: CLOSED_LOOP_MS, maxMs: 500, missedPauses: 7 };

/**
 * What a connection is doing. `idle` and `told` have had a request; `new` and `half-head` have yet to complete one. An
 * HTTP/2 session is of one kind whatever it does.
 */
export const CONNECTION_KINDS = [
  'active',
  'idle',
  'told',
  'new',
  'half-head',
  'upgraded',
  'handshake',
  'http2',
] as const;

export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

/** One HTTP/1 connection, followed with public properties of its socket only. */
export class Connection {
  readonly socket: Socket;
  readonly acceptedAt: number;
  /** The oldest request whose response is not closed yet. */
  #oldest: Exchange | undefined;
  /** Those behind it, in order, when the caller pipelines; a list is made for those who do. */
  #behind: Exchange[] | undefined;
  /** Whether a response said `Connection: close`; Node closes the socket when that response is done. */
  told = false;
  upgraded = false;
  /** Whether a drain does not wait for the end of an upgraded one. */
  leaves = false;
  /** When we ended it, if we did. */
  endedAt: number | undefined;
  /** Where in the received bytes the newest request ends, as far as the heads say; `undefined` when not known. */
  newestEndsAt: number | undefined;
  /** Whether that is unknown because of a request before it: another one may have been received and not parsed. */
  behindUnknownEnd = false;
  #requests = 0;
  /** Requests since the connection was last idle, when `#bytesWhenIdle` was taken, and octets of their heads. */
  #requestsSinceIdle = 0;
  #headsSinceIdle = 0;
  #bodySinceIdle = false;
  /** Whether the last answer came before the end of its request, which cannot be known. */
  #restIsComing = false;
  #firstAt = 0;
  #lastAt = 0;
  /** Time between an answer and the next request, all in all, and how often there was one. */
  #pausedMs = 0;
  #pauses = 0;
  #idleSince: number;
  /** `undefined` until an answer of one that was in use before we saw it: where its requests began cannot be known. */
  #bytesWhenIdle: number | undefined;
  /** What had been received then, if it was read: more, when half a head had come, or heads are longer than they look. */
  #receivedWhenIdle: number | undefined;
  /** By how many octets the newest request was longer than it looks, and how many in a row were so by as much. */
  #surplus = 0;
  #surplusInRow = 0;
  #halfHeadSince: number | undefined;

  /** @param inUse Whether requests may have come before we saw the connection. */
  constructor(socket: Socket, now: number, inUse = false) {
    this.socket = socket;
    this.#bytesWhenIdle = inUse ? undefined : 0;
    this.acceptedAt = now;
    this.#idleSince = now;
  }

  /** Whether a request has not been answered to the end. */
  get inUse(): boolean {
    return this.#oldest !== undefined;
  }

  /** The requests whose responses are not closed yet, in order. */
  get open(): readonly Exchange[] {
    if (this.#oldest === undefined) return [];
    return this.#behind === undefined ? [this.#oldest] : [this.#oldest, ...this.#behind];
  }

  requestStarted(exchange: Exchange): void {
    this.#note(exchange);
    if (this.#oldest === undefined) this.#oldest = exchange;
    else if (this.#behind === undefined) this.#behind = [exchange];
    else this.#behind.push(exchange);
  }

  /** As {@link requestStarted} and {@link responseFinished} at once; the connection is not in use. */
  exchanged(exchange: Exchange): void {
    this.#note(exchange);
    this.#becomesIdle(exchange);
  }

  /** What is remembered of a request that comes, apart from that it is open. */
  #note(exchange: Exchange): void {
    const now = exchange.startedAt;
    if (this.#requests === 0) this.#firstAt = now;
    else if (this.#oldest === undefined) {
      this.#pausedMs += now - this.#idleSince;
      this.#pauses += 1;
    }
    this.#requests += 1;
    this.#requestsSinceIdle += 1;
    this.#headsSinceIdle += exchange.headLength;
    if (exchange.announcesBody) this.#bodySinceIdle = true;
    this.#lastAt = now;
    this.newestEndsAt = undefined;
    this.behindUnknownEnd = false;
    this.#halfHeadSince = undefined;
  }

  /** @returns whether it was open. */
  responseFinished(exchange: Exchange): boolean {
    const wasOpen = this.#take(exchange);
    if (wasOpen && this.#oldest === undefined) this.#becomesIdle(exchange);
    return wasOpen;
  }

  /** Takes all open requests away: their connection has gone. */
  takeOpen(): readonly Exchange[] {
    const { open } = this;
    this.#oldest = undefined;
    this.#behind = undefined;
    return open;
  }

  /** Almost always the only one. */
  #take(exchange: Exchange): boolean {
    if (this.#oldest === exchange) {
      this.#oldest = this.#behind?.shift();
      return true;
    }
    const index = this.#behind?.indexOf(exchange) ?? -1;
    if (index !== -1) this.#behind?.splice(index, 1);
    return index !== -1;
  }

  #becomesIdle(exchange: Exchange): void {
    const { answeredAt = this.#lastAt, received } = exchange;
    this.#idleSince = answeredAt;
    this.#bytesWhenIdle = received === undefined ? this.#workedOut() : this.#endOfAnswered(exchange, received);
    this.#receivedWhenIdle = received;
    this.#restIsComing = !exchange.complete && this.#bytesWhenIdle === undefined;
    this.#requestsSinceIdle = 0;
    this.#headsSinceIdle = 0;
    this.#bodySinceIdle = false;
  }

  /** From the heads; of a body that came with them the octets are not known. */
  #workedOut(): number | undefined {
    const startsAt = this.#bytesWhenIdle;
    return startsAt === undefined || this.#bodySinceIdle ? undefined : startsAt + this.#headsSinceIdle;
  }

  #endOfAnswered(exchange: Exchange, received: number): number | undefined {
    const end = this.newestEndsAt;
    if (!exchange.complete) {
      // Answered early: the rest of its body is still to come, and is not the beginning of the next head.
      if (end !== undefined) return end;
      const alone = this.#requestsSinceIdle === 1 ? endOf(exchange, this.#bytesWhenIdle) : undefined;
      return alone === undefined ? undefined : Math.max(received, alone);
    }
    if (end === undefined) return received;
    this.#noteSurplus(received, end);
    // What came behind the newest request is the beginning of the next one, unless its caller writes all of them so.
    return end < received && this.#usualSurplus === 0 ? end : received;
  }

  #noteSurplus(received: number, end: number): void {
    const startsAt = this.#bytesWhenIdle;
    const receivedAt = this.#receivedWhenIdle;
    const known = this.#requestsSinceIdle === 1 && startsAt !== undefined && receivedAt !== undefined;
    const surplus = known ? received - receivedAt - (end - this.#usualSurplus - startsAt) : 0;
    this.#surplusInRow = surplus === this.#surplus ? this.#surplusInRow + 1 : 1;
    this.#surplus = surplus;
  }

  /**
   * By how many octets heads of this caller are longer than they look: blanks around a value, an empty line before the
   * request. What has come of a pipelined request, in segments of one size, looks the same but is hardly ever that little.
   */
  get #usualSurplus(): number {
    const isUsual = this.#surplusInRow >= KNOWN_AFTER && this.#surplus > 0 && this.#surplus <= MOST_SURPLUS;
    return isUsual ? this.#surplus : 0;
  }

  /** Where the next request begins; ask before {@link requestStarted}. */
  get nextStartsAt(): number | undefined {
    return this.inUse ? this.newestEndsAt : this.#bytesWhenIdle;
  }

  /** Works out where the request that has just been parsed ends; unknown after a body of unknown length. */
  measure(exchange: Exchange, startsAt: number | undefined): void {
    const end = endOf(exchange, startsAt);
    this.newestEndsAt = end && end + this.#usualSurplus;
    this.behindUnknownEnd = startsAt === undefined;
  }

  /** Works out where the requests end that are open now, if none of those since the last idle time was answered. */
  measureOpen(): void {
    const { open } = this;
    if (open.length === 0 || open.length !== this.#requestsSinceIdle) return;
    let end = this.#bytesWhenIdle;
    for (const exchange of open) end = endOf(exchange, end);
    this.newestEndsAt = end;
  }

  /** Remembers since when a half-sent head stands still. */
  noteHalfHead(now: number): void {
    if (this.kind() === 'half-head') this.#halfHeadSince ??= now;
  }

  kind(): ConnectionKind {
    if (this.upgraded) return 'upgraded';
    if (this.inUse) return 'active';
    if (this.#bytesWhenIdle !== undefined && this.socket.bytesRead !== this.#bytesWhenIdle) return 'half-head';
    if (this.#requests === 0) return 'new';
    return this.told ? 'told' : 'idle';
  }

  /**
   * When a connection without a request may be closed, on the clock's scale: a silent or half-spoken one after
   * {@link SILENT_SOCKET_MS}, a kept-alive one when it has been silent for long enough, counted from `since` (the start of
   * the termination) at the earliest. From `quietSince` on no request has come from anybody.
   */
  mayCloseAt(since: number, now: number, quietSince: number = Number.POSITIVE_INFINITY): number {
    switch (this.kind()) {
      case 'new':
        return this.acceptedAt + SILENT_SOCKET_MS;
      case 'half-head':
        this.#halfHeadSince ??= now;
        return this.#halfHeadSince + SILENT_SOCKET_MS;
      case 'idle': {
        // What comes cannot be told from the next head.
        if (this.#restIsComing) return Math.max(since, this.#idleSince) + SILENT_SOCKET_MS;
        const silence = this.#idleSince >= quietSince ? this.#lastAnswerSilence() : this.#untoldSilence(since);
        return Math.max(since, this.#idleSince) + silence;
      }
      default:
        return now;
    }
  }

  #lastAnswerSilence(): number {
    const { minMs, maxMs, missedPauses } = LAST_ANSWER_SILENCE;
    if (this.#pauses < KNOWN_AFTER - 1) return maxMs;
    return Math.min(maxMs, Math.max(minMs, (this.#pausedMs / this.#pauses) * missedPauses));
  }

  #untoldSilence(since: number): number {
    const { minMs, maxMs, unknownMs, missedGaps } = UNTOLD_SILENCE;
    if (this.#requests < KNOWN_AFTER) return unknownMs;
    const meanGap = (this.#lastAt - this.#firstAt) / (this.#requests - 1);
    const silence = Math.min(maxMs, Math.max(minMs, meanGap * missedGaps));
    // A habit that it had given up before the termination says nothing about when it will be used again.
    return since - this.#idleSince > silence ? unknownMs : silence;
  }
}

/**
 * Whether `Connection: close` may go on the answer to `request`, at the moment its head is written.
 *
 * Not when another request follows on the connection: RFC 9112 section 9.3.2 and 9.6 make `close` the last answer, and
 * Node ends the socket after it, so a pipelined request behind it would be lost. Not when a body is still to come: the
 * socket would be closed under a caller that is writing, whose reset can destroy the answer before it is read. Such a
 * connection is told by its next answer.
 */
export function mayTell(connection: Connection, request: IncomingMessage): boolean {
  if (connection.open.at(-1)?.request !== request || connection.behindUnknownEnd) return false;
  const end = connection.newestEndsAt;
  const received = connection.socket.bytesRead;
  if (end !== undefined && received > end) return false;
  if (request.complete || declaredBodyLength(request) === 0) return true;
  return end !== undefined && received >= end;
}

/** Where a request ends that begins at `startsAt`; `undefined` when either is not known. */
function endOf(exchange: Exchange, startsAt: number | undefined): number | undefined {
  const bodyLength = exchange.request && declaredBodyLength(exchange.request);
  return startsAt === undefined || bodyLength === undefined ? undefined : startsAt + exchange.headLength + bodyLength;
}

/** 0 without a body, `undefined` when the length is not declared. */
function declaredBodyLength(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined;
  const declared = request.headers['content-length'];
  return declared === undefined ? 0 : Number(declared);
}
