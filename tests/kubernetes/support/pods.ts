import type { History } from './history.ts';
import type { Namespace } from './namespace.ts';
import { type ContainerStatus, isReady, type Pod } from './objects.ts';
import { type Termination, terminationOf } from './termination.ts';

const GONE_MS = 90_000;

/** Names of the pods that are there now. */
export function names(history: History): readonly string[] {
  return history.present().map(({ metadata }) => metadata.name);
}

export function podNow(history: History, name: string): Pod | undefined {
  return history.present().find(({ metadata }) => metadata.name === name);
}

/** Of its first container, which is the service. */
export function statusOf(pod: Pod | undefined): ContainerStatus | undefined {
  return pod?.status.containerStatuses?.[0];
}

export async function ready(history: History, pod: string): Promise<void> {
  await history.until(`readiness of ${pod}`, () => isReady(podNow(history, pod)));
}

export async function gone(history: History, pod: string): Promise<Termination> {
  await history.until(`the end of ${pod}`, () => podNow(history, pod) === undefined, GONE_MS);
  return terminationOf(history, pod);
}

/** Waits until a Deployment that was applied is ready, deletes it, and reads how its pods went. */
export async function startedAndDeleted(
  { history, kubectl }: Namespace,
  name: string,
): Promise<readonly Termination[]> {
  await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=120s');
  const pods = names(history);
  await kubectl('delete', `deployment/${name}`, '--wait=false');
  return Promise.all(pods.map((pod) => gone(history, pod)));
}

/** The pods that are there now, once they have gone. */
export async function allGone(history: History): Promise<readonly Termination[]> {
  return Promise.all(names(history).map((pod) => gone(history, pod)));
}
