import type { Cursor } from '../yaml/cursor.ts';
import { type Resource, stringMap } from './resource.ts';
import type { Workload } from './workload.ts';

/** The objects around the workloads, indexed so that looking them up does not grow with the square of the input. */
export interface Cluster {
  servicesOf(workload: Workload): readonly Resource[];
  policiesOf(workload: Workload): readonly Resource[];
  budgetsOf(workload: Workload): readonly Resource[];
  /** The autoscaler that sets the number of replicas. */
  autoscalerOf(workload: Workload): Resource | undefined;
  /** Ingresses and routes that send requests to a Service. */
  routesTo(service: Resource): readonly Route[];
  /** A ConfigMap by name, in the namespace of a workload. */
  configMapOf(workload: Workload, name: string): Resource | undefined;
  /** The Namespace object of a workload, where it is in the input. */
  namespaceOf(workload: Workload): Resource | undefined;
}

/** One backend of an Ingress or a Gateway API route. */
interface Route {
  readonly resource: Resource;
  readonly at: Cursor;
  /** Service port by number or by name. */
  readonly port: string;
}

const ROUTE_KINDS: ReadonlySet<string> = new Set(['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute']);
const POLICY_KINDS: ReadonlySet<string> = new Set(['NetworkPolicy', 'CiliumNetworkPolicy']);

/** Kinds that the rules look at beside the pod templates. */
export const NEIGHBOUR_KINDS: ReadonlySet<string> = new Set([
  'Service',
  'Ingress',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
  'Namespace',
  'ConfigMap',
  ...ROUTE_KINDS,
  ...POLICY_KINDS,
]);

export function buildCluster(resources: readonly Resource[]): Cluster {
  const services = new SelectorIndex();
  const policies = new SelectorIndex();
  const budgets = new SelectorIndex();
  const autoscalers = new Map<string, Resource>();
  const namespaces = new Map<string, Resource>();
  const configMaps = new Map<string, Resource[]>();
  const routes = new Map<string, Route[]>();

  for (const resource of resources) {
    const spec = resource.root.get('spec');
    if (resource.kind === 'Service' && resource.group === '') {
      const selector = stringMap(spec.get('selector'));
      if (selector.size > 0) services.add(resource, selector);
    } else if (POLICY_KINDS.has(resource.kind)) {
      addBySelector(
        policies,
        resource,
        spec.get(resource.kind === 'NetworkPolicy' ? 'podSelector' : 'endpointSelector'),
      );
    } else if (resource.kind === 'PodDisruptionBudget') {
      if (spec.get('selector').exists) addBySelector(budgets, resource, spec.get('selector'));
    } else if (resource.kind === 'HorizontalPodAutoscaler') {
      const target = spec.get('scaleTargetRef');
      autoscalers.set(`${target.get('kind').text}/${target.get('name').text}`, resource);
    } else if (resource.kind === 'Namespace') {
      namespaces.set(resource.name, resource);
    } else if (resource.kind === 'ConfigMap') {
      configMaps.set(resource.name, [...(configMaps.get(resource.name) ?? []), resource]);
    } else if (resource.kind === 'Ingress' || ROUTE_KINDS.has(resource.kind)) {
      for (const { service, ...route } of backendsOf(resource)) {
        const known = routes.get(service);
        if (known === undefined) routes.set(service, [route]);
        else known.push(route);
      }
    }
  }

  return {
    servicesOf: (workload) => services.matching(workload),
    policiesOf: (workload) => policies.matching(workload),
    budgetsOf: (workload) => budgets.matching(workload),
    autoscalerOf: ({ resource }) => {
      const found = autoscalers.get(`${resource.kind}/${resource.name}`);
      return found !== undefined && sameNamespace(found, resource) ? found : undefined;
    },
    routesTo: (service) => (routes.get(service.name) ?? []).filter(({ resource }) => sameNamespace(resource, service)),
    configMapOf: ({ resource }, name) => configMaps.get(name)?.find((each) => sameNamespace(each, resource)),
    namespaceOf: ({ resource }) => (resource.namespace === undefined ? undefined : namespaces.get(resource.namespace)),
  };
}

/** An object without a namespace gets one from the command that applies it, so that it may be anybody's neighbour. */
function sameNamespace(a: Resource, b: Resource): boolean {
  return a.namespace === undefined || b.namespace === undefined || a.namespace === b.namespace;
}

interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

interface Indexed {
  readonly resource: Resource;
  readonly labels: ReadonlyMap<string, string>;
  readonly expressions: readonly Expression[];
}

/** Objects by one label that they select, so that a workload only meets those that can match it. */
class SelectorIndex {
  readonly #byLabel = new Map<string, Indexed[]>();
  /** Selectors without a label to go by. */
  readonly #others: Indexed[] = [];

  add(resource: Resource, labels: ReadonlyMap<string, string>, expressions: readonly Expression[] = []): void {
    const entry = { resource, labels, expressions };
    const rarest = [...labels].at(-1);
    if (rarest === undefined) this.#others.push(entry);
    else {
      const key = rarest.join('=');
      const known = this.#byLabel.get(key);
      if (known === undefined) this.#byLabel.set(key, [entry]);
      else known.push(entry);
    }
  }

  matching(workload: Workload): Resource[] {
    const candidates = [...workload.labels].flatMap((label) => this.#byLabel.get(label.join('=')) ?? []);
    return [...candidates, ...this.#others]
      .filter((entry) => sameNamespace(entry.resource, workload.resource) && matches(entry, workload.labels))
      .map(({ resource }) => resource);
  }
}

function matches({ labels, expressions }: Indexed, of: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of labels) if (of.get(name) !== value) return false;
  return expressions.every(({ key, operator, values }) => {
    const value = of.get(key);
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}

function addBySelector(index: SelectorIndex, resource: Resource, selector: Cursor): void {
  const expressions = selector
    .get('matchExpressions')
    .items()
    .map((at) => ({
      key: at.get('key').text ?? '',
      operator: at.get('operator').text ?? '',
      values: at.get('values').texts() ?? [],
    }));
  index.add(resource, stringMap(selector.get('matchLabels')), expressions);
}

function backendsOf(resource: Resource): (Route & { service: string })[] {
  const spec = resource.root.get('spec');
  const backends: Cursor[] =
    resource.kind === 'Ingress'
      ? [
          spec.get('defaultBackend'),
          spec.get('backend'),
          ...spec
            .get('rules')
            .items()
            .flatMap((rule) =>
              rule
                .at('http', 'paths')
                .items()
                .map((path) => path.get('backend')),
            ),
        ]
      : spec
          .get('rules')
          .items()
          .flatMap((rule) => rule.get('backendRefs').items());
  return backends.flatMap((at) => {
    // networking.k8s.io/v1, extensions/v1beta1 and Gateway API in turn.
    const service = at.at('service', 'name').text ?? at.get('serviceName').text ?? at.get('name').text;
    const port =
      at.at('service', 'port', 'name').text ??
      at.at('service', 'port', 'number').text ??
      at.get('servicePort').text ??
      at.get('port').text;
    return service === undefined || port === undefined ? [] : [{ resource, at, service, port }];
  });
}
