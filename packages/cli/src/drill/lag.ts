import { seededRandom, shuffled } from '@prestop/testkit';
import { parseDuration, showDuration } from './duration.ts';

/**
 * How late the callers learn that a pod is gone, in milliseconds: all at the same time, evenly between two times, or most
 * of them soon and a few much later, as watches and caches do, but none after the cap.
 */
export type Lag =
  | { readonly shape: 'fixed'; readonly ms: number }
  | { readonly shape: 'uniform'; readonly fromMs: number; readonly toMs: number }
  | { readonly shape: 'exponential'; readonly meanMs: number; readonly capMs: number };

export const LAG_FORMS = '2s, fixed:2s, uniform:1s-5s, exponential:1s/10s';

/** A bare duration is {@link Lag} `uniform` from 0; undefined for what is none of {@link LAG_FORMS}. */
export function parseLag(text: string): Lag | undefined {
  const [, shape = 'uniform', rest = ''] = /^(?:([a-z]+):)?(.*)$/.exec(text.trim()) ?? [];
  switch (shape) {
    case 'fixed': {
      const ms = parseDuration(rest);
      return ms === undefined ? undefined : { shape, ms };
    }
    case 'uniform': {
      const [from, to] = rest.includes('-')
        ? rest.split('-', 2).map((part) => parseDuration(part))
        : [0, parseDuration(rest)];
      return from === undefined || to === undefined || from > to ? undefined : { shape, fromMs: from, toMs: to };
    }
    case 'exponential': {
      const [mean, cap] = rest.split('/', 2).map((part) => parseDuration(part));
      return !mean || !cap || mean > cap ? undefined : { shape, meanMs: mean, capMs: cap };
    }
    default:
      return undefined;
  }
}

/**
 * The lag of each of `count` callers: the quantiles of the distribution, so that a handful of callers shows it as well as
 * thousands would, dealt out by the seed.
 */
export function lagsOf(lag: Lag, count: number, seed: number): number[] {
  const lags = Array.from({ length: count }, (_, index) => Math.round(quantile(lag, index, count)));
  return shuffled(lags, seededRandom(seed, -1));
}

function quantile(lag: Lag, index: number, count: number): number {
  switch (lag.shape) {
    case 'fixed':
      return lag.ms;
    case 'uniform':
      // The last one has the whole of it: the most stale caller is the one that matters.
      return lag.fromMs + (lag.toMs - lag.fromMs) * ((index + 1) / count);
    case 'exponential':
      return Math.min(lag.capMs, -lag.meanMs * Math.log(1 - (index + 0.5) / count));
  }
}

/** For people: `up to 2 s late`. */
export function showLag(lag: Lag): string {
  switch (lag.shape) {
    case 'fixed':
      return lag.ms === 0 ? 'at once' : `${showDuration(lag.ms)} late`;
    case 'uniform':
      return lag.fromMs === 0
        ? `up to ${showDuration(lag.toMs)} late`
        : `${showDuration(lag.fromMs)} to ${showDuration(lag.toMs)} late`;
    case 'exponential':
      return `${showDuration(lag.meanMs)} late on average, at most ${showDuration(lag.capMs)}`;
  }
}
