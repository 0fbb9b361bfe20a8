import { DEFAULTS } from '@prestop/core';

/** A line such as `# 45 s = 24 s for late callers + 16 s for requests in flight + 5 s reserve`. */
export interface Sum {
  readonly total: number;
  readonly terms: readonly { readonly seconds: number; readonly what: string }[];
}

/** The sums in the comments of a file. */
export function sumsIn(text: string): Sum[] {
  return [...text.matchAll(/^\s*# (?<total>\d+) s = (?<terms>\d+ s .+)$/gm)].map(({ groups }) => ({
    total: Number(groups?.['total']),
    terms: (groups?.['terms'] ?? '').split(' + ').map((term) => {
      const [, seconds, what = ''] = /^(\d+) s (.+)$/.exec(term) ?? [];
      return { seconds: Number(seconds), what };
    }),
  }));
}

/** What the code makes of a grace period when nobody tells it otherwise, in seconds. */
export function defaultSum(grace: number): Sum {
  const reserve = Math.min(DEFAULTS.reserveMs / 1_000, grace * DEFAULTS.reserveShare);
  const drain = (grace - reserve) * DEFAULTS.drainShare;
  return {
    total: grace,
    terms: [
      { seconds: grace - reserve - drain, what: 'for late callers' },
      { seconds: drain, what: 'for requests in flight' },
      { seconds: reserve, what: 'reserve' },
    ],
  };
}
