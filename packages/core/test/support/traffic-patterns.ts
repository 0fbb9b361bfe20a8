/** Instants in milliseconds, ascending, from `from` (included) to `to` (excluded). */
export type Arrivals = readonly number[];

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Independent callers in great number: gaps are exponential. */
export function poisson(perSecond: number, { from, to }: Span, random: () => number): Arrivals {
  const arrivals: number[] = [];
  for (let at = from + gap(perSecond, random); at < to; at += gap(perSecond, random)) arrivals.push(at);
  return arrivals;
}

function gap(perSecond: number, random: () => number): number {
  return (-Math.log(1 - random()) / perSecond) * 1_000;
}

/** One caller with a timer, `jitter` (0 to 1) of its period to either side. */
export function periodic(periodMs: number, { from, to }: Span, random: () => number, jitter = 0): Arrivals {
  const arrivals: number[] = [];
  for (let due = from + random() * periodMs; due < to; due += periodMs) {
    const at = due + periodMs * jitter * (2 * random() - 1);
    if (at >= from && at < to) arrivals.push(at);
  }
  return arrivals.sort(ascending);
}

/** Every `pauseMs` a burst of `size` requests within `burstMs`. */
export function bursty(
  { pauseMs, size, burstMs }: { readonly pauseMs: number; readonly size: number; readonly burstMs: number },
  { from, to }: Span,
  random: () => number,
): Arrivals {
  const arrivals: number[] = [];
  for (let start = from + random() * pauseMs; start < to; start += pauseMs) {
    for (let index = 0; index < size; index++) {
      const at = start + random() * burstMs;
      if (at < to) arrivals.push(at);
    }
  }
  return arrivals.sort(ascending);
}

export function merged(...lists: readonly Arrivals[]): Arrivals {
  return lists.flat().sort(ascending);
}

const ascending = (left: number, right: number): number => left - right;
