import type { Clock } from './clock.ts';

/** Something that happened on the path of a request, with all of it that could not be found out later. */
export interface JournalEntry {
  /** Goes into what has happened by now; called once for every time it was written, in that order. */
  enter(): void;
}

/** Entries that are gone into together. */
const CAPACITY = 64;
/** How long an entry waits at the most, in milliseconds: one that was answered early holds its request in memory. */
const AT_MOST_MS = 1_000;

/**
 * Keeps bookkeeping off the path of a request: requests write down what happened, and it is gone into when there is enough
 * of it, or as soon as somebody asks. By then most have been answered, which is less to go into than a start and an end.
 */
export class RequestJournal {
  readonly #clock: Clock;
  /** A list for every time, since to write what is new into an old object costs more than a list. */
  #entries: JournalEntry[] = [];
  #capacity = CAPACITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(entry: JournalEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length >= this.#capacity) this.catchUp();
    else if (this.#cancel === undefined) this.#catchUpSoon();
  }

  /** To be called before anybody looks at what entries change. */
  catchUp(): void {
    if (this.#entries.length === 0) return;
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) entry.enter();
  }

  /** From now on every entry is gone into when it is written. */
  writeThrough(): void {
    this.#capacity = 1;
    this.#cancel?.();
    this.#cancel = undefined;
    this.catchUp();
  }

  /** Entries may wait again. */
  writeBehind(): void {
    this.#capacity = CAPACITY;
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
