import { defaultReserve, KUBERNETES_DEFAULTS, leastGrace, SDK_DEFAULTS } from '../defaults.ts';
import type { Cursor } from '../yaml/cursor.ts';
import { type Container, type ContainerRole, readContainer, resolvePort } from './container.ts';
import { endpointOf, type Hook } from './hook.ts';
import { type Resource, stringMap, titleOf } from './resource.ts';
import { BUDGET_ANNOTATIONS, type LintSettings } from './settings.ts';

/** A pod template, wherever it stands: Deployment, Pod, CronJob, Rollout, any object with `spec.template.spec`. */
export interface Workload {
  readonly resource: Resource;
  readonly title: string;
  /** `metadata` of the pod template. */
  readonly metadata: Cursor;
  readonly podSpec: Cursor;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly containers: readonly Container[];
  /** `terminationGracePeriodSeconds` as the kubelet takes it: 30 where nothing usable is written. */
  readonly graceSeconds: number;
  readonly grace: Cursor;
  /**
   * A patch or a fragment: some container has no image. What is missing may be in the part it is applied to, so that
   * only what is written can be judged.
   */
  readonly partial: boolean;
  /** One of Kubernetes' own kinds, whose fields are known for certain. */
  readonly builtIn: boolean;
  /** Ends by itself: the kubelet sends no hook when its work is done. */
  readonly runsToCompletion: boolean;
}

const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  '': ['Pod', 'PodTemplate', 'ReplicationController'],
  apps: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
  extensions: ['Deployment', 'DaemonSet', 'ReplicaSet'],
  batch: ['Job', 'CronJob'],
};

/** `undefined` for what has no pod template, and for what a controller has made of one that is checked itself. */
export function readWorkload(resource: Resource): Workload | undefined {
  const owners = resource.root.at('metadata', 'ownerReferences').items();
  if (owners.some((owner) => owner.get('controller').flag === true)) return undefined;
  const template = templateOf(resource);
  const podSpec = template.get('spec');
  const main = readAll(podSpec.get('containers'), () => 'main');
  if (main.length === 0) return undefined;
  const init = readAll(podSpec.get('initContainers'), (at) =>
    at.get('restartPolicy').text === 'Always' ? 'sidecar' : 'init',
  );
  const grace = podSpec.get('terminationGracePeriodSeconds');
  const metadata = template.get('metadata');
  return {
    resource,
    title: titleOf(resource),
    metadata,
    podSpec,
    labels: stringMap(metadata.get('labels')),
    annotations: stringMap(metadata.get('annotations')),
    containers: [...main, ...init],
    graceSeconds: grace.integer ?? KUBERNETES_DEFAULTS.terminationGracePeriodSeconds,
    grace,
    partial: main.some(({ image }) => image === undefined),
    builtIn: BUILT_IN[resource.group]?.includes(resource.kind) ?? false,
    runsToCompletion:
      resource.kind === 'Job' ||
      resource.kind === 'CronJob' ||
      // The test pods of Helm charts, which carry the labels of the service.
      (resource.kind === 'Pod' && /^(?:Never|OnFailure)$/.test(podSpec.get('restartPolicy').text ?? '')),
  };
}

function templateOf({ kind, root }: Resource): Cursor {
  if (kind === 'Pod') return root;
  if (kind === 'PodTemplate') return root.get('template');
  if (kind === 'CronJob') return root.at('spec', 'jobTemplate', 'spec', 'template');
  return root.at('spec', 'template');
}

function readAll(list: Cursor, roleOf: (at: Cursor) => ContainerRole): Container[] {
  const seen = new Set<unknown>();
  const containers: Container[] = [];
  for (const at of list.items()) {
    if (!at.isMap || seen.has(at.node)) continue;
    seen.add(at.node);
    containers.push(readContainer(at, roleOf(at)));
  }
  return containers;
}

/** The hooks of a pod's containers, in the order of the manifest. */
export function* hooksOf(workload: Workload): Generator<{ readonly container: Container; readonly hook: Hook }> {
  for (const container of workload.containers) {
    for (const hook of [container.preStop, container.postStart]) if (hook !== undefined) yield { container, hook };
  }
}

/** Whether a container has the SDK in it, as far as a manifest shows: a hook or the token's setting. */
export function usesSdk(container: Container): boolean {
  return (
    endpointOf(container.preStop) !== undefined ||
    endpointOf(container.postStart) !== undefined ||
    container.env.has(SDK_DEFAULTS.tokenSetting)
  );
}

/** The containers that have the SDK in them and get its hook. */
export function sdkContainers(workload: Workload): readonly Container[] {
  return workload.containers.filter((container) => container.role !== 'init' && usesSdk(container));
}

/** The number the SDK's admin server listens on, as far as it can be known from outside. */
export function adminPortOf(container: Container, settings: LintSettings): number {
  const written = container.env.get(SDK_DEFAULTS.adminPortSetting)?.value?.text;
  return written !== undefined && /^\d+$/.test(written) ? Number(written) : settings.adminPort;
}

/** The port that the hook asks, or the admin port where there is no hook over HTTP. */
export function hookPortOf(container: Container, settings: LintSettings): number {
  for (const hook of [container.preStop, container.postStart]) {
    if (hook === undefined || endpointOf(hook) === undefined) continue;
    const number = hook.http === undefined ? hook.exec?.calls?.port : resolvePort(hook.http.port, container)?.number;
    if (number !== undefined) return number;
  }
  return adminPortOf(container, settings);
}

/** Whether the SDK is told to ask for a token: its setting, or the header in the hook. */
export function hasToken(container: Container): boolean {
  return (
    container.env.has(SDK_DEFAULTS.tokenSetting) ||
    (container.preStop?.http?.headers.has(SDK_DEFAULTS.tokenHeader) ?? false)
  );
}

/** Whether the grace period is not known: a fragment may get it from what it is applied to. */
export function graceUnknown(workload: Workload): boolean {
  if (workload.grace.exists) return workload.grace.integer === undefined;
  return workload.partial;
}

/** `45 s`, for messages. */
export function graceText(workload: Workload): string {
  return workload.grace.exists ? `${workload.graceSeconds} s` : `${workload.graceSeconds} s (not written)`;
}

/** What a termination takes at the most, in seconds. */
export interface Budget {
  readonly floor: number;
  /** At the grace period that is written. */
  readonly reserve: number;
  /** The least whole grace period that holds everything. */
  readonly total: number;
  /** How `total` comes about: `5 floor + 20 longest request + 5 reserve`. */
  readonly words: string;
}

/** The arithmetic for a pod: annotations first, then the settings. `waited` replaces the floor for hooks that sleep. */
export function budgetOf(
  workload: Workload,
  settings: LintSettings,
  waited?: { readonly seconds: number; readonly word: string },
): Budget {
  const number = (name: keyof typeof BUDGET_ANNOTATIONS): number | undefined => {
    const text = workload.annotations.get(BUDGET_ANNOTATIONS[name]);
    return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : settings[name];
  };
  const floor = waited?.seconds ?? number('floorSeconds') ?? 0;
  const longestRequest = number('longestRequestSeconds') ?? 0;
  const closers = number('closersSeconds') ?? 0;
  const reserve = number('reserveSeconds');
  const rest = floor + longestRequest + closers;
  const total = reserve === undefined ? leastGrace(rest) : Math.ceil(rest + reserve);
  const parts = [
    `${floor} ${waited?.word ?? 'floor'}`,
    ...(longestRequest > 0 ? [`${longestRequest} longest request`] : []),
    ...(closers > 0 ? [`${closers} closers`] : []),
    `${Math.round((reserve ?? defaultReserve(total)) * 10) / 10} reserve`,
  ];
  return { floor, reserve: reserve ?? defaultReserve(workload.graceSeconds), total, words: parts.join(' + ') };
}
