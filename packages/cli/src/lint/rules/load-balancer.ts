import { leastGrace } from '../../defaults.ts';
import type { Cluster } from '../cluster.ts';
import { type Resource, titleOf } from '../resource.ts';
import type { Rule } from '../rule.ts';
import { annotationsOf, servicePorts } from '../service.ts';
import { budgetOf, type Workload } from '../workload.ts';
import { SOURCES } from './sources.ts';

const DELAY = 'deregistration_delay.timeout_seconds';
/** AWS' own default, seconds. */
const DEFAULT_DELAY = 300;

interface Balancer {
  readonly resource: Resource;
  readonly kind: 'ALB' | 'NLB';
  readonly annotation: string;
}

export const loadBalancerRules: readonly Rule[] = [
  {
    code: 'PS031',
    name: 'load-balancer-delay',
    severity: 'warning',
    summary: "An ALB's or NLB's deregistration delay fits into the grace period of pods that are its targets.",
    why: 'The load balancer keeps connections to a deregistered target for that long, 300 s by default. A pod that is gone before answers them with a reset, which callers see as 502 or 504.',
    source: SOURCES.albDelay,
    fix: `Set ${DELAY} to at most grace − reserve, or lengthen the grace period.`,
    fixable: false,
    *check({ workload, cluster, settings }) {
      if (workload.runsToCompletion || (workload.partial && !workload.grace.exists)) return;
      const { reserve } = budgetOf(workload, settings);
      for (const { resource, kind, annotation } of balancersOf(workload, cluster)) {
        const written = annotationsOf(resource).get(annotation);
        const match = /deregistration_delay\.timeout_seconds\s*=\s*(\d+)/.exec(written ?? '');
        const delay = match === null ? DEFAULT_DELAY : Number(match[1]);
        if (delay + reserve <= workload.graceSeconds) continue;
        const annotations = resource.root.at('metadata', 'annotations');
        const at = written === undefined ? resource.root.get('metadata') : annotations.get(annotation);
        yield {
          at,
          message: `${kind} of ${titleOf(resource)} keeps connections to a pod for ${delay} s${
            match === null ? ` (${DELAY} not set)` : ''
          }; ${workload.title} is gone after ${workload.graceSeconds} s`,
          advice: `set ${annotation}: ${DELAY}=${Math.max(0, Math.floor(workload.graceSeconds - reserve))}, or terminationGracePeriodSeconds to at least ${Math.max(
            leastGrace(delay),
            Math.ceil(delay + reserve),
          )}`,
        };
      }
    },
  },
];

/** Only where pods themselves are targets; with instance targets the delay is about nodes. */
function* balancersOf(workload: Workload, cluster: Cluster): Generator<Balancer> {
  for (const service of cluster.servicesOf(workload)) {
    const prefix = 'service.beta.kubernetes.io/aws-load-balancer';
    const annotations = annotationsOf(service);
    const byIp =
      annotations.get(`${prefix}-type`) === 'nlb-ip' || annotations.get(`${prefix}-nlb-target-type`) === 'ip';
    if (byIp && service.root.at('spec', 'type').text === 'LoadBalancer') {
      yield { resource: service, kind: 'NLB', annotation: `${prefix}-target-group-attributes` };
    }
    const ports = servicePorts(service);
    const seen = new Set<Resource>();
    for (const { resource, port } of cluster.routesTo(service)) {
      if (seen.has(resource) || !ports.some((own) => own.name === port || String(own.port) === port)) continue;
      seen.add(resource);
      if (!isAlb(resource)) continue;
      yield { resource, kind: 'ALB', annotation: 'alb.ingress.kubernetes.io/target-group-attributes' };
    }
  }
}

function isAlb(ingress: Resource): boolean {
  const annotations = annotationsOf(ingress);
  const name = ingress.root.at('spec', 'ingressClassName').text ?? annotations.get('kubernetes.io/ingress.class');
  return name === 'alb' && annotations.get('alb.ingress.kubernetes.io/target-type') === 'ip';
}
