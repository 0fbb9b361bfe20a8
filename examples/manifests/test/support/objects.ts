import type { IDeployment } from 'kubernetes-models/apps/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IContainer, IPodSpec } from 'kubernetes-models/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';

interface Validated {
  validate(): void;
}

/** Every kind that the examples use. Another one is a test to write, not one to skip. */
const MODELS: Readonly<Record<string, new (data: never) => Validated>> = {
  'apps/v1 Deployment': Deployment,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 ConfigMap': ConfigMap,
  'v1 Service': Service,
};

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * Checks an object against the schema of the API, and that it has no field which the schema does not know: the API drops
 * those without a word.
 *
 * @throws Error that names the field.
 */
export function validate(object: unknown): void {
  const { apiVersion, kind } = object as KubernetesObject;
  const Model = MODELS[`${apiVersion} ${kind}`];
  if (Model === undefined) throw new Error(`no schema for ${apiVersion} ${kind}`);
  const model = new Model(object as never);
  const unread = new Set<string>();
  for (const [key, value] of Object.entries(model)) {
    if (typeof value === 'object') Object.assign(model, { [key]: watched(value, key, unread) });
  }
  model.validate();
  if (unread.size > 0) throw new Error(`unknown fields: ${[...unread].join(', ')}`);
}

/** The validator reads every field it knows. What nobody has read, nobody knows. */
function watched(value: object, path: string, unread: Set<string>): object {
  const children = new Map<string, unknown>();
  for (const [key, child] of Object.entries(value)) {
    const at = `${path}.${key}`;
    unread.add(at);
    children.set(key, typeof child === 'object' && child !== null ? watched(child, at, unread) : child);
  }
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== 'string' || !children.has(key)) return Reflect.get(target, key);
      unread.delete(`${path}.${key}`);
      return children.get(key);
    },
  });
}

export type Container = IContainer;
export type { IDeployment };

/** A pod template with the prestop hook or without, and the names that stand around it. */
export interface PodTemplate {
  readonly deployment: IDeployment;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: IPodSpec;
  readonly containers: readonly Container[];
}

export function deployments(documents: readonly unknown[]): PodTemplate[] {
  return documents
    .filter((document) => (document as KubernetesObject | null)?.kind === 'Deployment')
    .map((document) => {
      const deployment = document as IDeployment;
      const spec = deployment.spec?.template.spec;
      if (spec === undefined) throw new Error('a Deployment without a pod');
      const labels = (deployment.spec?.template.metadata?.labels ?? {}) as Record<string, string>;
      return { deployment, labels, spec, containers: [...(spec.initContainers ?? []), ...spec.containers] };
    });
}

/** The container with prestop in it. */
export function prestopContainer({ spec }: PodTemplate): Container | undefined {
  return spec.containers.find(({ command }) => command?.[0] === 'node');
}

export function objectsOf<Model extends { kind?: string }>(documents: readonly unknown[], kind: string): Model[] {
  return documents.filter((document) => (document as Model | null)?.kind === kind) as Model[];
}

/** `value` of a setting; `undefined` where it is taken from elsewhere, or is not there. */
export function setting(container: Container, name: string): string | undefined {
  return container.env?.find((entry) => entry.name === name)?.value;
}
