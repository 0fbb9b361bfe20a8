import type { RequestPathRow } from './cost/request-path.ts';
import { grouped, percent, type Results, seconds } from './results.ts';
import type { RolloutRow } from './rollout.ts';

/** Something that must hold, and whether it does. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  readonly detail: string;
}

/** What must hold; a claim whose part was not run is left out. */
export function claims({ rollout, requestPath }: Results): Claim[] {
  return [...(rollout ? rolloutClaims(rollout.rows) : []), ...(requestPath ? costClaims(requestPath.rows) : [])];
}

const WITHOUT_REGISTRY = 'prestop';

const isOurs = ({ contestant }: { readonly contestant: string }): boolean => contestant.startsWith('prestop');

/** A pause that is the lag to the second was told what nobody knows before: how late callers are. */
export const isTold = ({ delaySeconds, lagSeconds }: RolloutRow): boolean => delaySeconds === lagSeconds;

function rolloutClaims(rows: readonly RolloutRow[]): Claim[] {
  const ours = rows.filter(isOurs);
  const others = rows.filter((row) => !isOurs(row));
  const lost = ours.reduce((sum, row) => sum + row.lost, 0);
  const sent = ours.reduce((sum, row) => sum + row.sent, 0);
  const losers = others.filter((row) => row.lost > 0);
  const sooner = soonerThanOurs(rows).filter((row) => !isTold(row));
  return [
    {
      claim: 'prestop loses nothing at any lag',
      holds: ours.length > 0 && lost === 0,
      detail: `${lost} lost of ${sent} requests`,
    },
    {
      claim: 'the others do',
      holds: losers.length > 0,
      detail: `${losers.length} of ${others.length} cells with a loss`,
    },
    {
      claim: 'of all that lose nothing prestop with a registry exits first, but for pauses that are the lag itself',
      holds: ours.length > 0 && sooner.length === 0,
      detail: `${sooner.length === 0 ? 'at every lag' : sooner.map(nameOf).join('; ')}; ${withoutRegistry(rows)}`,
    },
  ];
}

/** Settings of others that lost nothing and exited before prestop did at the same lag. */
export function soonerThanOurs(rows: readonly RolloutRow[]): RolloutRow[] {
  return [...grouped(rows, ({ protocol, lagSeconds }) => `${protocol} ${lagSeconds}`).values()].flatMap((group) => {
    const own = group.filter((row) => isOurs(row) && row.lost === 0).map(({ exitMs }) => exitMs);
    return group.filter((row) => !isOurs(row) && row.lost === 0 && row.exitMs < Math.min(...own));
  });
}

/** Without one prestop waits at least as long as a pause that is its floor: how much longer than that. */
function withoutRegistry(rows: readonly RolloutRow[]): string {
  const own = rows.filter(({ contestant }) => contestant === WITHOUT_REGISTRY);
  const behind = rows.flatMap((row) => {
    if (isOurs(row) || row.lost > 0 || isTold(row)) return [];
    const same = own.find((one) => one.protocol === row.protocol && one.lagSeconds === row.lagSeconds);
    return same === undefined || same.exitMs <= row.exitMs ? [] : [same.exitMs - row.exitMs];
  });
  if (behind.length === 0) return 'without one as well';
  return `without one it is at most ${Math.round(Math.max(...behind))} ms behind others, in ${behind.length} cells`;
}

const nameOf = ({ protocol, lagSeconds, title, exitMs }: RolloutRow): string =>
  `${title} at ${lagSeconds} s over ${protocol} (${seconds(exitMs)} s)`;

/** Ratio to the bare service. */
const COST_LIMIT = 1.03;
/** Rows that are no library. */
const COMPARISONS: readonly string[] = ['control', 'loaded', 'middleware'];
/** Above the cheapest of the others. */
const PEER_LIMIT = 0.02;

function costClaims(rows: readonly RequestPathRow[]): Claim[] {
  const measured = rows.filter(({ framework }) => framework === 'express');
  const costOf = (id: string): number | undefined => measured.find(({ contestant }) => contestant === id)?.cpu.median;
  const own = costOf('prestop');
  const [empty, middleware] = [costOf('middleware'), costOf('prestop-express')];
  const [cheapest] = measured
    .filter((row) => !isOurs(row) && !COMPARISONS.includes(row.contestant))
    .sort((left, right) => left.cpu.median - right.cpu.median);
  if (own === undefined || cheapest === undefined) return [];
  // No library makes a request cheaper: below that, the cheapest of several is the one that chance was kindest to.
  const least = Math.max(1, cheapest.cpu.median);
  return [
    {
      claim: 'a request costs at most 3 % more processor time than with bare Express',
      holds: own <= COST_LIMIT,
      detail: `${percent(own)} in the paired median${
        empty === undefined || middleware === undefined
          ? ''
          : `; ${percent(middleware)} with the middleware, an empty one alone is ${percent(empty)}`
      }`,
    },
    {
      claim: 'and at most 2 % more than with the cheapest of the others',
      holds: own <= least + PEER_LIMIT,
      detail: `prestop ${percent(own)}, ${cheapest.title} ${percent(cheapest.cpu.median)}${
        least > cheapest.cpu.median ? ', which counts as nothing' : ''
      }`,
    },
  ];
}
