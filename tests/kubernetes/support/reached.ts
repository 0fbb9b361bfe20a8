import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/**
 * Waits until a new Service answers: kube-proxy hears of its pods up to a second after they are ready.
 *
 * @throws Error when it does not.
 */
export async function reached(url: string): Promise<void> {
  const until = performance.now() + TIMEOUT_MS;
  while ((await statusOf(url)) === 0) {
    if (performance.now() > until) throw new Error(`${url} did not answer within ${TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
}

/** The status of a complete answer; 0 without one. */
export async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
