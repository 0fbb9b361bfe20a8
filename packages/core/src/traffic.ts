import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { ArrivalHistory, type ArrivalStats } from './arrivals.ts';
import type { Clock } from './clock.ts';
import type { LifecycleEvents } from './events.ts';
import { type RequestHead, readFields } from './request-classifier.ts';
import { RequestJournal } from './request-journal.ts';

/** What identifies a request in the traffic: the HTTP/1 message, or the HTTP/2 stream. */
export type RequestKey = IncomingMessage | ServerHttp2Stream;

/** What a handler may pass in to ask for its own signals. */
export type ServerRequest = IncomingMessage | Http2ServerRequest | ServerHttp2Stream;

/** The two signals of one request. Both abort with an `AbortError`, so they can be handed to `fetch` and timers as is. */
export interface RequestSignals {
  /** Aborted when the service starts draining: end streams and long polls now. */
  readonly drain: AbortSignal;
  /** Aborted shortly before the deadline: what is not answered by then is cut. */
  readonly deadline: AbortSignal;
}

/**
 * A request that is followed: one object for all that is known of it, linked with the others in flight. Every request of
 * the service pays for what is done here, so nothing is worked out that is told of only a few; a `Map` that becomes empty
 * with each answer would cost more than the rest.
 *
 * What the head says is read when it comes, and never again: a framework that gives each request a prototype of its own,
 * as Express does, makes every later look at a property a slow one.
 */
export class TrackedRequest<Key extends RequestKey = RequestKey> {
  /** `undefined` when it was answered, in HTTP/1: whoever still holds this holds no body with it. */
  request: Key | undefined;
  head: RequestHead | undefined;
  readonly startedAt: number;
  /** As they came: a router may write its own into the head. */
  readonly method: string | undefined;
  /** The request target; printed only through {@link pathOf}. */
  readonly target: string | undefined;
  /** Probes, the hook call, metrics scrapes and registry checks are followed but not counted. */
  counted: boolean;
  /** Whether a drain does not wait for it; see {@link LongLivedPolicy}. */
  readonly leaves: boolean;
  /** From here on {@link Traffic} keeps them. */
  signals: Controllers | undefined = undefined;
  inFlight = false;
  older: TrackedRequest | undefined = undefined;
  newer: TrackedRequest | undefined = undefined;

  constructor(request: Key, head: RequestHead, startedAt: number, counted: boolean, leaves: boolean) {
    this.request = request;
    this.head = head;
    this.startedAt = startedAt;
    this.method = head.method;
    this.target = head.url;
    this.counted = counted;
    this.leaves = leaves;
  }
}

interface Controllers {
  readonly drain: AbortController;
  readonly deadline: AbortController;
}

/** A request that came after the removal, as it is told. */
type LateRequest = LifecycleEvents['lateRequest'];

/** A group of late requests that look alike: the caller to mend. */
export interface LateCaller {
  readonly remoteAddress: string;
  readonly userAgent: string;
  readonly path: string;
  count: number;
  /** Milliseconds from deregistration to the last of them. */
  lastAfterMs: number;
}

export interface LateRequests {
  readonly count: number;
  readonly lastAfterMs: number;
  readonly callers: readonly LateCaller[];
}

/** How many different late callers a report names; the others are only counted. */
export const LATE_CALLERS_LIMIT = 10;
const PATH_LIMIT = 120;

/** The authority of a target in absolute form (RFC 9112 section 3.2.2). */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^/?]*/i;

/** The path of a request target, short enough for a report: a query may hold secrets, and so may an authority. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return (query === -1 ? target : target.slice(0, query)).replace(AUTHORITY, '').slice(0, PATH_LIMIT);
}

/** What is in flight, when requests came, and who came late. Knows nothing of sockets. */
export class Traffic {
  /** What was not gone into yet; every question here begins with that. */
  readonly journal: RequestJournal;
  readonly #clock: Clock;
  readonly #onLate: (late: LateRequest) => void;
  #oldest: TrackedRequest | undefined;
  #newest: TrackedRequest | undefined;
  #followed = 0;
  readonly #arrivals = new ArrivalHistory();
  #countedInFlight = 0;
  /** Requests that a drain does not wait for. */
  #leaving = 0;
  #answered = 0;
  #lastAnswerAt = Number.NEGATIVE_INFINITY;
  #lateSince: number | undefined;
  #lateCount = 0;
  #lastLateAfterMs = 0;
  readonly #lateCallers = new Map<string, LateCaller>();
  #drainReason: DOMException | undefined;
  #deadlineReason: DOMException | undefined;

  constructor(clock: Clock, onLate: (late: LateRequest) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
    this.journal = new RequestJournal(clock);
  }

  /** Counted requests in flight that a drain waits for. */
  get inFlight(): number {
    this.journal.catchUp();
    return this.#countedInFlight;
  }

  /** All requests in flight that a drain waits for, probes and hook calls included. */
  get allInFlight(): number {
    this.journal.catchUp();
    return this.#followed - this.#leaving;
  }

  /** Counted requests whose response was closed, since the start of the process. */
  get answered(): number {
    this.journal.catchUp();
    return this.#answered;
  }

  /** Negative infinity if none ever was. */
  get lastAnswerAt(): number {
    this.journal.catchUp();
    return this.#lastAnswerAt;
  }

  arrivals(): ArrivalStats {
    this.journal.catchUp();
    return this.#arrivals.stats(this.#clock.now());
  }

  late(): LateRequests {
    return {
      count: this.#lateCount,
      lastAfterMs: this.#lastLateAfterMs,
      callers: [...this.#lateCallers.values()],
    };
  }

  /** Those in flight, oldest first. None may end meanwhile: take a copy before anything of the user's runs. */
  *requests(): IterableIterator<TrackedRequest> {
    this.journal.catchUp();
    for (let request = this.#oldest; request !== undefined; request = request.newer) yield request;
  }

  begin(request: TrackedRequest): void {
    this.journal.catchUp();
    this.#link(request);
    if (request.leaves) this.#leaving += 1;
    if (!request.counted) return;
    if (!request.leaves) this.#countedInFlight += 1;
    this.#arrivals.record(request.startedAt);
    if (this.#lateSince !== undefined) this.#late(request, request.startedAt - this.#lateSince);
  }

  /** The response was closed, or its connection was; not always in the order of time. Safe to call twice. */
  end(request: TrackedRequest, now: number = this.#clock.now()): void {
    this.journal.catchUp();
    if (!request.inFlight) return;
    this.#unlink(request);
    if (request.leaves) this.#leaving -= 1;
    if (!request.counted || request.leaves) return;
    this.#countedInFlight -= 1;
    this.#noteAnswer(now);
  }

  /** As {@link begin} and {@link end} at once, from the journal; never of a late request, since that is told when it comes. */
  exchanged(request: TrackedRequest, now: number = this.#clock.now()): void {
    if (!request.counted) return;
    this.#arrivals.record(request.startedAt);
    if (!request.leaves) this.#noteAnswer(now);
  }

  /** Takes a request out of the count that turned out to be a probe or a hook call. */
  uncount(key: ServerRequest): void {
    const request = this.#find(keyOf(key));
    if (!request?.counted) return;
    request.counted = false;
    if (!request.leaves) this.#countedInFlight -= 1;
    this.#arrivals.undo(request.startedAt);
  }

  /** From `instant` on, counted requests that arrive are late. */
  lateFrom(instant: number): void {
    this.journal.writeThrough();
    this.#lateSince ??= instant;
  }

  /** Forgets who was late, after a resume. */
  forgetLate(): void {
    this.#lateSince = undefined;
    this.#lateCount = 0;
    this.#lastLateAfterMs = 0;
    this.#lateCallers.clear();
  }

  /**
   * The signals of one request, made when first asked for, so that a request that does not use them costs nothing and
   * nobody's listeners pile up on a signal that outlives the request. `undefined` when the request is not tracked.
   */
  signalsOf(request: ServerRequest): RequestSignals | undefined {
    const tracked = this.#find(keyOf(request));
    if (tracked === undefined) return undefined;
    tracked.signals ??= { drain: controller(this.#drainReason), deadline: controller(this.#deadlineReason) };
    const { drain, deadline } = tracked.signals;
    return { drain: drain.signal, deadline: deadline.signal };
  }

  /** Tells every request in flight, and every one to come, that the service drains. */
  abortForDrain(): void {
    const reason = new DOMException('the service is draining', 'AbortError');
    this.#drainReason = reason;
    for (const request of [...this.requests()]) request.signals?.drain.abort(reason);
  }

  /** Tells every request in flight, and every one to come, that the deadline is there. */
  abortForDeadline(): void {
    const reason = new DOMException('the termination deadline was reached', 'AbortError');
    this.#deadlineReason = reason;
    for (const request of [...this.requests()]) request.signals?.deadline.abort(reason);
  }

  /** New requests get fresh signals again, after a resume. */
  resetSignals(): void {
    this.#drainReason = undefined;
    this.#deadlineReason = undefined;
  }

  /** Asked for by the handler of a request, as a rule, and so for one of the newest. */
  #find(key: RequestKey): TrackedRequest | undefined {
    this.journal.catchUp();
    let request = this.#newest;
    while (request !== undefined && request.request !== key) request = request.older;
    return request;
  }

  #link(request: TrackedRequest): void {
    request.inFlight = true;
    request.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = request;
    else this.#newest.newer = request;
    this.#newest = request;
    this.#followed += 1;
  }

  #unlink(request: TrackedRequest): void {
    const { older, newer } = request;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // Whoever still holds it does not hold the others with it.
    request.older = undefined;
    request.newer = undefined;
    request.inFlight = false;
    this.#followed -= 1;
  }

  #noteAnswer(now: number): void {
    this.#answered += 1;
    this.#lastAnswerAt = Math.max(this.#lastAnswerAt, now);
  }

  #late(request: TrackedRequest, afterMs: number): void {
    const { method = '', target = '', head } = request;
    const userAgent = head === undefined ? '' : readFields(head.rawHeaders).userAgent;
    // Of a socket it is a system call, and none is known of one that has gone.
    const remoteAddress = head?.socket.remoteAddress ?? '';
    // After this turn, in which an endpoint may say that the request is for it.
    queueMicrotask(() => {
      if (request.counted) this.#noteLate({ method, path: pathOf(target), userAgent, remoteAddress, afterMs });
    });
  }

  #noteLate(late: LateRequest): void {
    const { remoteAddress, userAgent, path, afterMs } = late;
    this.#lateCount += 1;
    this.#lastLateAfterMs = afterMs;
    const key = `${remoteAddress} ${userAgent} ${path}`;
    const caller = this.#lateCallers.get(key);
    if (caller !== undefined) {
      caller.count += 1;
      caller.lastAfterMs = afterMs;
    } else if (this.#lateCallers.size < LATE_CALLERS_LIMIT) {
      this.#lateCallers.set(key, { remoteAddress, userAgent, path, count: 1, lastAfterMs: afterMs });
    }
    this.#onLate(late);
  }
}

function controller(reason: DOMException | undefined): AbortController {
  const made = new AbortController();
  if (reason !== undefined) made.abort(reason);
  return made;
}

/** Whether its connection, or its stream, is no more. */
export function hasGone(request: ServerRequest): boolean {
  const key = keyOf(request);
  // A framework that tests itself makes requests without a socket.
  return 'rawHeaders' in key ? (key.socket as Socket | undefined)?.destroyed === true : key.destroyed;
}

/** In the compatibility layer of HTTP/2 the stream is what is followed. */
function keyOf(request: ServerRequest): RequestKey {
  return 'stream' in request ? request.stream : request;
}
