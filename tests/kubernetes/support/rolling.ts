import { type Callers, type CallerTally, type LostRequest, type RequestKind, startCallers } from '@prestop/testkit';
import type { Namespace } from './namespace.ts';
import { type Termination, terminationOf } from './termination.ts';

/** Callers that keep their connections, and beside them such as open one a request. */
const KEEP_ALIVE = 40;
const NEW_CONNECTIONS = 8;
/** A run goes on until so many were answered. */
const REQUESTS = 20_000;
/** Dealt in turn: of six callers five keep their connections. */
const CLIENTS = ['node', 'undici', 'node', 'undici', 'node', 'new-connection'] as const;
const ROLLOUT_MS = 180_000;

export interface Rolled {
  readonly tally: CallerTally;
  /** What was lost, by cause: how often, when it was sent, in seconds since the restart was asked for, and how. */
  readonly losses: readonly string[];
  /** The pods that were replaced. */
  readonly terminations: readonly Termination[];
}

const requests: readonly RequestKind[] = [
  { make: ({ number }) => ({ path: `/orders/${number}` }), weight: 40 },
  { path: '/orders/1/invoice', weight: 1 },
  { path: '/orders', weight: 1 },
  {
    method: 'POST',
    path: '/orders',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ lines: ['a', 'b'] }),
    weight: 2,
  },
];

/**
 * Replaces every pod of a Deployment under callers, as `kubectl rollout restart` does, and goes on until the old pods are
 * gone and 20,000 requests were answered.
 *
 * @param discover what the callers know of the instances.
 */
export async function rollUnderLoad(
  { history, kubectl }: Namespace,
  deployment: string,
  discover: () => Promise<readonly string[]>,
  seed: number,
): Promise<Rolled> {
  const old = history.present().map(({ metadata }) => metadata.name);
  const callers: Callers = startCallers({
    discover,
    requests,
    count: KEEP_ALIVE + NEW_CONNECTIONS,
    clients: CLIENTS,
    thinkMs: 25,
    seed,
  });
  let restartedAtMs = 0;
  try {
    await callers.waitForAnswered(1_000, 20_000);
    restartedAtMs = performance.now();
    await kubectl('rollout', 'restart', `deployment/${deployment}`);
    await kubectl('rollout', 'status', `deployment/${deployment}`, `--timeout=${ROLLOUT_MS}ms`);
    const present = (): readonly string[] => history.present().map(({ metadata }) => metadata.name);
    await history.until('the end of the old pods', () => !present().some((name) => old.includes(name)), ROLLOUT_MS);
    await callers.waitForAnswered(REQUESTS, ROLLOUT_MS);
  } finally {
    await callers.stop();
  }
  const tally = callers.tally();
  return {
    tally,
    losses: lossesOf(tally, restartedAtMs - tally.startedAtMs),
    terminations: old.map((pod) => terminationOf(history, pod)),
  };
}

function lossesOf({ causes, lost }: CallerTally, restartedAtMs: number): readonly string[] {
  return Object.entries(causes).map(([cause, count]) => {
    const these = lost.filter((request) => request.cause === cause);
    const [first] = these;
    const seconds = these.map(({ atMs }) => ((atMs - restartedAtMs) / 1000).toFixed(1));
    const how = first && `the first after ${Math.round(first.afterMs)} ms, ${connectionOf(first)}`;
    return `${cause} ${count} (${seconds[0]} to ${seconds.at(-1)} s, ${how})`;
  });
}

function connectionOf({ client, requestOnConnection }: LostRequest): string {
  return requestOnConnection === 0
    ? `without a connection (${client})`
    : `request ${requestOnConnection} of a connection (${client})`;
}
