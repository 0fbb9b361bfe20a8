import { SDK_DEFAULTS } from '../../defaults.ts';
import type { Cursor } from '../../yaml/cursor.ts';
import type { Container } from '../container.ts';
import { type Resource, titleOf } from '../resource.ts';
import type { Rule, Severity, Subject } from '../rule.ts';
import { isExternal, reaches, type ServicePort, servicePorts } from '../service.ts';
import { hasToken, hookPortOf, sdkContainers } from '../workload.ts';
import { SOURCES } from './sources.ts';

/** Who can call /prestop: an open one is a remote kill switch. */
export const exposureRules: readonly Rule[] = [
  {
    code: 'PS052',
    name: 'admin-port-in-service',
    severity: 'error',
    summary: 'No Service names the port of the hook.',
    why: 'Through it every caller of the Service can end pods by GET /prestop.',
    source: SOURCES.hooks,
    fix: 'Give the hook a port of its own that no Service names; scrape metrics by a PodMonitor.',
    fixable: false,
    *check(subject) {
      for (const { container, port, service, servicePort } of exposedPorts(subject)) {
        const external = isExternal(service);
        const token = hasToken(container);
        yield {
          at: servicePort.at,
          container,
          severity: severityOf(external, token),
          message: `${titleOf(service)} (${service.root.at('spec', 'type').text ?? 'ClusterIP'}) leads to port ${port} of ${
            subject.workload.title
          }, where /prestop is answered${token ? ', with a token' : ' to anybody'}`,
        };
      }
    },
  },
  {
    code: 'PS053',
    name: 'admin-port-in-ingress',
    severity: 'error',
    summary: 'No Ingress or route leads to the port of the hook.',
    why: 'Everybody outside, and every crawler that follows a GET, can end pods by /prestop.',
    source: SOURCES.hooks,
    fix: 'Let the Ingress lead to the service port only, and the hook to a port of its own.',
    fixable: false,
    *check(subject) {
      for (const { container, port, service, servicePort } of exposedPorts(subject)) {
        for (const route of subject.cluster.routesTo(service)) {
          if (route.port !== servicePort.name && route.port !== String(servicePort.port)) continue;
          const token = hasToken(container);
          yield {
            at: route.at,
            container,
            severity: severityOf(true, token),
            message: `${titleOf(route.resource)} leads through ${titleOf(service)} to port ${port} of ${
              subject.workload.title
            }, where /prestop is answered${token ? ', with a token' : ' to anybody'}`,
          };
        }
      }
    },
  },
  {
    code: 'PS054',
    name: 'network-policy-missing',
    severity: 'warning',
    summary: 'A NetworkPolicy keeps other pods from the admin port.',
    why: 'Without one, any pod of the cluster can end this one by GET /prestop. The kubelet always passes: traffic from the own node is allowed.',
    source: SOURCES.networkPolicy,
    fix: 'Add a NetworkPolicy whose ingress lists the service port only.',
    fixable: false,
    absence: true,
    *check({ workload, cluster, settings }) {
      if (workload.podSpec.get('hostNetwork').flag === true || cluster.policiesOf(workload).some(closesIngress)) return;
      const [container] = sdkContainers(workload);
      if (container === undefined) return;
      yield {
        at: workload.resource.root,
        container,
        ...(hasToken(container) ? { severity: 'info' as const } : {}),
        message: `no NetworkPolicy in what was read selects ${workload.title}: any pod can call /prestop on port ${hookPortOf(container, settings)}${
          hasToken(container) ? ', with the token' : ''
        }`,
      };
    },
  },
  {
    code: 'PS055',
    name: 'network-policy-opens-admin',
    severity: 'warning',
    summary: 'No NetworkPolicy opens the admin port to everybody.',
    why: 'Policies add up: one rule without `from` that includes the port opens it, whatever the others say.',
    source: SOURCES.networkPolicy,
    fix: 'List the service port under `ports`, or the callers under `from`.',
    fixable: false,
    *check({ workload, cluster, settings }) {
      for (const container of sdkContainers(workload)) {
        const port = hookPortOf(container, settings);
        const names = container.ports.filter(({ number }) => number === port).map(({ name }) => name);
        for (const policy of cluster.policiesOf(workload)) {
          if (policy.kind !== 'NetworkPolicy') continue;
          for (const rule of policy.root.at('spec', 'ingress').items()) {
            if (rule.get('from').items().length > 0) continue;
            const ports = rule.get('ports').items();
            const opens = ports.length === 0 || ports.some((entry) => includesPort(entry, port, names));
            if (!opens) continue;
            yield {
              at: rule,
              container,
              ...(hasToken(container) ? { severity: 'info' as const } : {}),
              message: `${titleOf(policy)} opens ${
                ports.length === 0 ? 'every port' : `port ${port}`
              } of ${workload.title} to everybody, and with it /prestop`,
              advice: `list the service port under ports; leave ${port} out`,
            };
          }
        }
      }
    },
  },
  {
    code: 'PS056',
    name: 'admin-port-on-node',
    severity: 'warning',
    summary: 'The admin port is not a port of the node.',
    why: 'hostPort and hostNetwork make /prestop answer on the address of the node, where NetworkPolicies do not hold.',
    source: SOURCES.networkPolicy,
    fix: `Remove hostPort from the admin port; with hostNetwork set a token (${SDK_DEFAULTS.tokenSetting}).`,
    fixable: false,
    *check({ workload, settings }) {
      const host = workload.podSpec.get('hostNetwork');
      for (const container of sdkContainers(workload)) {
        const port = hookPortOf(container, settings);
        const mapped = container.ports.find(({ number, hostPort }) => number === port && hostPort !== undefined);
        if (mapped === undefined && host.flag !== true) continue;
        yield {
          at: mapped?.at.get('hostPort') ?? host,
          container,
          ...(hasToken(container) ? { severity: 'info' as const } : {}),
          message: `${mapped === undefined ? 'hostNetwork' : `hostPort ${mapped.hostPort}`}: /prestop answers on the node's address${
            hasToken(container) ? ', with a token' : ''
          }`,
        };
      }
    },
  },
];

interface Exposure {
  readonly container: Container;
  readonly port: number;
  readonly service: Resource;
  readonly servicePort: ServicePort;
}

function* exposedPorts({ workload, cluster, settings }: Subject): Generator<Exposure> {
  for (const container of sdkContainers(workload)) {
    const port = hookPortOf(container, settings);
    for (const service of cluster.servicesOf(workload)) {
      for (const servicePort of servicePorts(service)) {
        if (reaches(servicePort, container, port)) yield { container, port, service, servicePort };
      }
    }
  }
}

function severityOf(external: boolean, token: boolean): Severity {
  if (external) return token ? 'warning' : 'error';
  return token ? 'info' : 'warning';
}

/** A policy about egress alone leaves every port open to other pods. */
function closesIngress({ kind, root }: Resource): boolean {
  const spec = root.get('spec');
  if (kind !== 'NetworkPolicy') return spec.get('ingress').exists || spec.get('ingressDeny').exists;
  return spec.get('policyTypes').texts()?.includes('Ingress') ?? true;
}

function includesPort(entry: Cursor, port: number, names: readonly (string | undefined)[]): boolean {
  const written = entry.get('port').text;
  if ((entry.get('protocol').text ?? 'TCP') !== 'TCP') return false;
  if (written === undefined) return true;
  if (!/^\d+$/.test(written)) return names.includes(written);
  const last = entry.get('endPort').integer ?? Number(written);
  return Number(written) <= port && port <= last;
}
