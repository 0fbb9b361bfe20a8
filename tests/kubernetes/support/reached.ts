import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@prestop/testkit';

const TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const CONNECT_MS = 250;

/**
 * Waits until a new Service can be connected to: kube-proxy hears of its pods up to a second after they are ready.
 *
 * Every try comes from a port that no caller is given. What is sent too early is not turned around, and the kernel's
 * connection tracking remembers that for two minutes: a caller who came from the same port to the same Service would still
 * be sent nowhere, and lose a request (`EHOSTUNREACH`) through no fault of a pod.
 *
 * @throws Error when it cannot.
 */
export async function reached(url: string): Promise<void> {
  const until = performance.now() + TIMEOUT_MS;
  while (!(await connects(new URL(url)))) {
    if (performance.now() > until) throw new Error(`${url} could not be connected to within ${TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
}

async function connects({ hostname, port }: URL): Promise<boolean> {
  const socket = connect({ host: hostname, port: Number(port || 80), localPort: await freePort() });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return true;
  } catch {
    return false;
  } finally {
    // An abort leaves no listener for an error that comes after it.
    socket.on('error', () => undefined).destroy();
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
