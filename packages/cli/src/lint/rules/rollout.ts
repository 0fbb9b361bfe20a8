import { count } from '../../words.ts';
import type { Cluster } from '../cluster.ts';
import { titleOf } from '../resource.ts';
import type { Rule } from '../rule.ts';
import { sdkContainers, type Workload } from '../workload.ts';
import { SOURCES } from './sources.ts';

/** Whether callers have somebody to turn to while pods are replaced. */
export const rolloutRules: readonly Rule[] = [
  {
    code: 'PS047',
    name: 'rollout-gap',
    severity: 'warning',
    summary: 'The only replica is not removed before its successor is ready.',
    why: 'Without surge, or with Recreate, there is nobody between the old pod and the new one, however gracefully the old one goes.',
    source: SOURCES.deployment,
    fix: 'strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, or more replicas.',
    fixable: false,
    absence: true,
    *check({ workload, cluster }) {
      const replicas = replicasOf(workload, cluster);
      if (!serves(workload, cluster) || replicas === undefined) return;
      const spec = workload.resource.root.get('spec');
      if (workload.resource.kind === 'StatefulSet' && replicas === 1 && sdkContainers(workload).length > 0) {
        yield {
          at: spec.get('replicas').exists ? spec.get('replicas') : spec,
          message: 'a StatefulSet replaces pods in place: its only replica is away during every rollout',
          advice: 'use 2 replicas or more, or a Deployment',
        };
      }
      if (workload.resource.kind !== 'Deployment') return;
      const strategy = spec.get('strategy');
      if (strategy.get('type').text === 'Recreate') {
        yield {
          at: strategy.get('type'),
          message: `strategy Recreate ends all of ${count(replicas, 'replica')} before a new one starts`,
        };
        return;
      }
      const { maxSurge, maxUnavailable } = rollingUpdate(workload, replicas);
      if (replicas !== 1 || maxUnavailable < 1) return;
      const rolling = strategy.get('rollingUpdate');
      const at = rolling.get('maxUnavailable');
      yield {
        at: at.exists ? at : strategy,
        message: `1 replica with maxUnavailable ${at.text ?? '25%'} and maxSurge ${maxSurge}: the old pod may go before the new one is ready`,
        advice: 'write maxSurge: 1 and maxUnavailable: 0',
      };
    },
  },
  {
    code: 'PS048',
    name: 'rollout-takes-capacity',
    severity: 'info',
    summary: 'A rollout does not take ready pods away before others are ready (maxUnavailable: 0).',
    why: 'Pods that drain still serve, but each removed before its successor is ready makes the others carry its requests.',
    source: SOURCES.deployment,
    fix: 'strategy.rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }',
    fixable: false,
    absence: true,
    *check({ workload, cluster }) {
      const replicas = replicasOf(workload, cluster);
      if (workload.resource.kind !== 'Deployment' || replicas === undefined || replicas < 2) return;
      if (sdkContainers(workload).length === 0) return;
      const strategy = workload.resource.root.at('spec', 'strategy');
      const { maxUnavailable } = rollingUpdate(workload, replicas);
      if (strategy.get('type').text === 'Recreate' || maxUnavailable === 0) return;
      const at = strategy.at('rollingUpdate', 'maxUnavailable');
      yield {
        at: at.exists ? at : workload.resource.root.get('spec'),
        message: `maxUnavailable ${at.text ?? '25% (the default)'} of ${count(replicas, 'replica')} lets ${maxUnavailable} go before others are ready`,
        advice: 'write maxUnavailable: 0',
      };
    },
  },
  {
    code: 'PS049',
    name: 'rollout-impossible',
    severity: 'error',
    summary: 'maxSurge and maxUnavailable are not both 0.',
    why: 'Nothing could ever be replaced; the API refuses it.',
    source: SOURCES.deployment,
    fix: 'maxSurge: 1',
    fixable: false,
    *check({ workload }) {
      const { resource } = workload;
      if (resource.kind !== 'Deployment' || !workload.builtIn) return;
      const rolling = resource.root.at('spec', 'strategy', 'rollingUpdate');
      const surge = rolling.get('maxSurge');
      const zero = /^0%?$/;
      if (!zero.test(surge.text ?? '') || !zero.test(rolling.get('maxUnavailable').text ?? '')) return;
      yield {
        at: surge,
        message: 'maxSurge 0 and maxUnavailable 0: the API refuses the Deployment',
        advice: 'write maxSurge: 1',
      };
    },
  },
  {
    code: 'PS050',
    name: 'budget-blocks',
    severity: 'warning',
    summary: 'The PodDisruptionBudget lets at least one pod go.',
    why: 'When no eviction is allowed, draining a node waits for ever, until somebody deletes the pod by force.',
    source: SOURCES.disruption,
    fix: 'maxUnavailable: 1',
    fixable: false,
    *check({ workload, cluster }) {
      const replicas = replicasOf(workload, cluster);
      for (const budget of cluster.budgetsOf(workload)) {
        const spec = budget.root.get('spec');
        const minimum = spec.get('minAvailable');
        const maximum = spec.get('maxUnavailable');
        const none = /^0%?$/.test(maximum.text ?? '');
        const all = minimum.text === '100%';
        const needed = replicas === undefined ? undefined : amount(minimum.text, replicas, Math.ceil);
        if (!none && !all && (replicas === undefined || needed === undefined || needed < replicas)) continue;
        const field = none ? maximum : minimum;
        yield {
          at: field,
          message: `${titleOf(budget)}: ${none ? 'maxUnavailable' : 'minAvailable'} ${field.text}${
            replicas === undefined ? '' : ` with ${count(replicas, 'replica')} of ${workload.title}`
          } allows no eviction: draining a node waits for ever`,
          advice: 'write maxUnavailable: 1',
        };
      }
    },
  },
  {
    code: 'PS051',
    name: 'budget-missing',
    severity: 'info',
    summary: 'Several replicas have a PodDisruptionBudget.',
    why: 'Without one, draining nodes may take all replicas at the same time.',
    source: SOURCES.disruption,
    fix: 'Add a PodDisruptionBudget with maxUnavailable: 1.',
    fixable: false,
    absence: true,
    *check({ workload, cluster }) {
      const replicas = replicasOf(workload, cluster);
      if (replicas === undefined || replicas < 2 || sdkContainers(workload).length === 0) return;
      if (workload.resource.kind === 'DaemonSet' || cluster.budgetsOf(workload).length > 0) return;
      const at = workload.resource.root.at('spec', 'replicas');
      yield {
        at: at.exists ? at : workload.resource.root,
        message: `${count(replicas, 'replica')} and no PodDisruptionBudget in what was read`,
      };
    },
  },
];

function serves(workload: Workload, cluster: Cluster): boolean {
  return sdkContainers(workload).length > 0 || cluster.servicesOf(workload).length > 0;
}

/** Undefined where something else decides: a DaemonSet's nodes, a kind that is not known. An autoscaler's lower bound counts. */
function replicasOf(workload: Workload, cluster: Cluster): number | undefined {
  const { resource } = workload;
  if (!['Deployment', 'StatefulSet', 'ReplicaSet', 'Rollout'].includes(resource.kind)) return undefined;
  const autoscaler = cluster.autoscalerOf(workload);
  if (autoscaler !== undefined) return autoscaler.root.at('spec', 'minReplicas').integer ?? 1;
  const written = resource.root.at('spec', 'replicas');
  return written.exists ? written.integer : 1;
}

/** Pods, of a number or a percentage; Kubernetes rounds maxSurge up and maxUnavailable down. */
function amount(text: string | undefined, replicas: number, round: (value: number) => number): number | undefined {
  if (text === undefined) return undefined;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined) return round((Number(percent) / 100) * replicas);
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function rollingUpdate(workload: Workload, replicas: number): { maxSurge: number; maxUnavailable: number } {
  const rolling = workload.resource.root.at('spec', 'strategy', 'rollingUpdate');
  const maxSurge = amount(rolling.get('maxSurge').text ?? '25%', replicas, Math.ceil) ?? 0;
  const maxUnavailable = amount(rolling.get('maxUnavailable').text ?? '25%', replicas, Math.floor) ?? 0;
  // Kubernetes makes it 1 when both round to nothing.
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}
