import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** When a session that is to leave is told, in milliseconds from when it is to; see {@link Http2Session.leaveFrom}. */
const MOMENT = { silenceMs: 50, busiestAfterMs: 250, anyAfterMs: 500 };

/** How many turns of the event loop may each bring a stream before a session is told in the midst of them. */
const GAP_TURNS = 100;

/** Error code and stream identifier of a GOAWAY (RFC 9113, sections 7 and 6.8). */
const NO_ERROR = 0;
const ANY_STREAM = 2 ** 31 - 1;

/** How long a caller that was told and has no stream may take to close its side, in milliseconds. */
const LINGER_MS = 1_000;

/** One HTTP/2 session of a server: its open streams, and how its caller is sent away. */
export class Http2Session {
  /** The listener on the session's end, kept so that it can be taken off. */
  readonly onClose: () => void;
  readonly #session: ServerHttp2Session;
  /** What it speaks over; `undefined` when it was not seen. Only ever destroyed: the rest is Node's business. */
  readonly #socket: Socket | undefined;
  readonly #clock: Clock;
  readonly #onTold: () => void;
  #open = 0;
  /** Most streams open at once since the session is to leave. */
  #busiest = 0;
  #idleSince: number;
  #arrived = 0;
  /** When the newest stream came. */
  #openedAt = 0;
  #leavesFrom: number | undefined;
  #toldAt: number | undefined;

  constructor(
    session: ServerHttp2Session,
    socket: Socket | undefined,
    clock: Clock,
    { onTold, onClose }: { readonly onTold: () => void; readonly onClose: () => void },
  ) {
    this.onClose = onClose;
    this.#onTold = onTold;
    this.#session = session;
    this.#socket = socket;
    this.#clock = clock;
    this.#idleSince = clock.now();
  }

  /** Streams whose answers have not been handed to the system completely, tunnels included. */
  get open(): number {
    return this.#open;
  }

  /** Whether GOAWAY was sent, by whomever, or the session is over. */
  get told(): boolean {
    return this.#toldAt !== undefined || this.#session.closed || this.#session.destroyed;
  }

  /** Whether it was told and has no stream, and its caller may still be reading that. */
  get leaving(): boolean {
    if (!this.told || this.#open > 0) return false;
    return this.#clock.now() < Math.max(this.#toldAt ?? 0, this.#idleSince) + LINGER_MS;
  }

  /** To be called before the stream's handler can answer. */
  streamOpened(): void {
    const now = this.#clock.now();
    this.#open += 1;
    this.#arrived += 1;
    this.#openedAt = now;
    if (this.#leavesFrom === undefined || this.told) return;
    const isBusiest = this.#open >= this.#busiest;
    this.#busiest = Math.max(this.#busiest, this.#open);
    const waitedMs = now - this.#leavesFrom;
    if (isBusiest && waitedMs >= MOMENT.busiestAfterMs) this.#announce();
    else if (waitedMs >= MOMENT.anyAfterMs) this.#tellBetweenStreams();
  }

  streamClosed(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#idleSince = this.#clock.now();
  }

  /**
   * From `instant` on, or an earlier one that was given before, GOAWAY is due, at the moment that costs least: streams that
   * the caller sent before it read the GOAWAY are refused (RFC 9113, section 6.8), and though a caller may send those again
   * by itself, not every one does.
   *
   * First, a caller that is silent is told: with no stream open there is none to go wrong, even in clients that take a
   * GOAWAY for the end of everything. One that never pauses is told when as many of its streams are open as ever were:
   * it waits for us with all of them, and hardly anything is on the way. At last any gap between streams will do.
   */
  leaveFrom(instant: number): void {
    if (this.#leavesFrom !== undefined && this.#leavesFrom <= instant) return;
    this.#leavesFrom = instant;
    this.#busiest = Math.max(1, this.#open);
  }

  /** The caller may stay, after a resume. What was told is told. */
  stay(): void {
    this.#leavesFrom = undefined;
  }

  /** Tells the caller if nothing has come from it for long enough; one that goes on sending is told when it sends. */
  tellInTime(): void {
    if (this.#leavesFrom === undefined || this.told || !this.#isSilent()) return;
    // After a stall of the process there may be streams that have come and were not read; they are read first.
    setImmediate(() => {
      if (this.#isSilent()) this.tell();
    });
  }

  /** Sends GOAWAY with the last stream that was taken; Node closes the session when its streams are done. */
  tell(): void {
    if (this.told) return;
    this.#toldAt = this.#clock.now();
    this.#session.close();
    this.#onTold();
  }

  /** The socket too: a session waits until what it has written is taken, which a caller that reads nothing never does. */
  destroy(): void {
    this.#session.destroy();
    this.#socket?.destroy();
  }

  /**
   * GOAWAY in two steps, in the turn in which a stream came: the first promises to take every stream, and is ahead of the
   * answers to the streams of this turn, so that their caller does not follow them up here. From then on Node drops what
   * comes without a word; so the second, which says so, does not wait for a round trip as in RFC 9113, section 6.8, but
   * only until all that came in the same packet has been read.
   */
  #announce(): void {
    if (this.#session.destroyed) return;
    this.#toldAt = this.#clock.now();
    this.#session.goaway(NO_ERROR, ANY_STREAM);
    setImmediate(() => this.#session.close());
    this.#onTold();
  }

  /** In a turn in which no stream has come, if there is one soon: then hardly any has been received and not been read. */
  #tellBetweenStreams(turns: number = GAP_TURNS): void {
    const seen = this.#arrived;
    setImmediate(() => {
      if (this.#leavesFrom === undefined) return;
      if (this.#arrived === seen || turns === 0) this.tell();
      else this.#tellBetweenStreams(turns - 1);
    });
  }

  #isSilent(): boolean {
    if (this.#leavesFrom === undefined) return false;
    const since =
      this.#open === 0
        ? Math.max(this.#leavesFrom, this.#idleSince + MOMENT.silenceMs)
        : Math.max(this.#leavesFrom + MOMENT.anyAfterMs, this.#openedAt + MOMENT.silenceMs);
    return this.#clock.now() >= since;
  }
}
