/** What a consumer that asks the registry now would get: our instance, a list without it, or no trustworthy answer. */
export type Sighting = 'visible' | 'gone' | 'unknown';

export interface RegistryCallOptions {
  /**
   * Aborted when the call's share of the budget is used up. The adapter stops the call, frees what it holds and rejects;
   * core goes on without it even if it does not.
   */
  readonly signal: AbortSignal;
}

/**
 * One service registry, for one instance of one service. Small on purpose: core owns retries, the deadline, confirmation
 * and the settle time; an adapter owns the protocol, its heartbeats and the shape of its errors.
 *
 * Every failure is a `RegistryError`; anything else that is thrown is treated as one of kind `unavailable`.
 */
export interface RegistryAdapter {
  /** Name in logs, metrics and reports, unique within one lifecycle. */
  readonly name: string;
  /**
   * How long a consumer may go on calling after the registry says gone, in milliseconds: its cache and its refresh
   * interval. Core serves at least this long after the removal was seen.
   */
  readonly settleMs: number;
  /** Registers the instance and starts its heartbeats. Called again after a resume; registering twice is not an error. */
  register(options: RegistryCallOptions): Promise<void>;
  /**
   * Stops the heartbeats, awaits the one on the wire (the fence: a late beat must not bring the instance back), then
   * removes the instance. Idempotent: `'absent'` when it was not there.
   */
  deregister(options: RegistryCallOptions): Promise<'removed' | 'absent'>;
  /**
   * Reads back what a consumer asking now would get, from the registry itself and never from a client's cache.
   * `'unknown'` whenever the answer proves nothing (no rights to see ourselves, no leader); a thrown error counts as
   * `'unknown'` too and its message is kept as evidence.
   */
  check(options: RegistryCallOptions): Promise<Sighting>;
  /** Frees sockets and timers. Does not deregister. Nothing of the adapter keeps the process alive afterwards. */
  close(): Promise<void>;
}
