import type { Cursor } from '../yaml/cursor.ts';
import type { Container } from './container.ts';
import { type Resource, stringMap } from './resource.ts';
import type { Workload } from './workload.ts';

export interface ServicePort {
  readonly at: Cursor;
  readonly name: string | undefined;
  readonly port: number | undefined;
  /** Number or name in the pod; the Service's own port number where it is not written. */
  readonly target: string | undefined;
}

export function servicePorts(service: Resource): ServicePort[] {
  return service.root
    .at('spec', 'ports')
    .items()
    .map((at) => ({
      at,
      name: at.get('name').text,
      port: at.get('port').integer,
      target: at.get('targetPort').text ?? at.get('port').text,
    }));
}

/** Whether a Service's port ends at this port of the container. */
export function reaches(port: ServicePort, container: Container, number: number): boolean {
  if (port.target === undefined) return false;
  if (/^\d+$/.test(port.target)) return Number(port.target) === number;
  return container.ports.some(({ name, number: own }) => name === port.target && own === number);
}

/** The main containers that a Service sends requests to; the first one where no declared port says which. */
export function servingContainers(workload: Workload, services: readonly Resource[]): Container[] {
  const main = workload.containers.filter(({ role }) => role === 'main');
  if (services.length === 0) return [];
  const ports = services.flatMap(servicePorts);
  const named = main.filter((container) =>
    container.ports.some(
      ({ number }) => number !== undefined && ports.some((port) => reaches(port, container, number)),
    ),
  );
  return named.length > 0 ? named : main.slice(0, 1);
}

/** Reachable from outside the cluster without an Ingress. */
export function isExternal(service: Resource): boolean {
  const type = service.root.at('spec', 'type').text;
  return type === 'LoadBalancer' || type === 'NodePort';
}

export function annotationsOf(resource: Resource): ReadonlyMap<string, string> {
  return stringMap(resource.root.at('metadata', 'annotations'));
}
