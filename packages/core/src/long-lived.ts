import { type OptionRules, oneOf } from './option-rules.ts';

/**
 * What a drain does about an exchange that has no end of its own. `'wait'`: waits until it ends, and cuts it at the
 * deadline, which is a loss (exit code 70). `'leave'`: waits for everything else only; what is left then is ended with the
 * process and is no loss.
 */
export const LONG_LIVED_POLICIES = ['wait', 'leave'] as const;

export type LongLivedPolicy = (typeof LONG_LIVED_POLICIES)[number];

/**
 * A policy for each kind. Everything else (long polls, downloads, uploads) is a request that is waited for; its handler
 * can end it early with its signals (`lifecycle.requestSignals`).
 */
export interface LongLivedOptions {
  /** Requests that accept `text/event-stream`, as every `EventSource` does. Default `'wait'`. */
  readonly eventStreams?: LongLivedPolicy;
  /** Sockets, and streams of HTTP/2, after a CONNECT. Default `'wait'`. */
  readonly tunnels?: LongLivedPolicy;
  /** Sockets after an upgrade, WebSockets among them. Default `'wait'`. */
  readonly upgrades?: LongLivedPolicy;
}

export const LONG_LIVED_RULES: OptionRules<LongLivedOptions> = {
  eventStreams: oneOf(...LONG_LIVED_POLICIES),
  tunnels: oneOf(...LONG_LIVED_POLICIES),
  upgrades: oneOf(...LONG_LIVED_POLICIES),
};
