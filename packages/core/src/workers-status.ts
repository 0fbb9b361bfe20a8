import type { LifecycleStatus } from './status.ts';

/** The status of a primary: its own, and what its workers said of theirs, added up. `answeredBefore`: by workers that ended. */
export function statusWith(
  own: LifecycleStatus,
  workers: readonly LifecycleStatus[],
  answeredBefore: number,
): LifecycleStatus {
  const all = [own, ...workers];
  const sum = (count: (status: LifecycleStatus) => number): number =>
    all.reduce((total, status) => total + count(status), 0);
  const connections: Record<string, number> = {};
  for (const status of all) {
    for (const [kind, count] of Object.entries(status.connections))
      connections[kind] = (connections[kind] ?? 0) + count;
  }
  return {
    ...own,
    inFlight: sum(({ inFlight }) => inFlight),
    answered: answeredBefore + sum(({ answered }) => answered),
    late: sum(({ late }) => late),
    held: sum(({ held }) => held),
    connections,
  };
}
