import type { Container } from '../lint/container.ts';
import type { Resource } from '../lint/resource.ts';
import type { Workload } from '../lint/workload.ts';
import type { Cursor } from '../yaml/cursor.ts';

/** The settings that a container gets, as far as they are known outside of the cluster. */
export interface ManifestSettings {
  readonly env: Readonly<Record<string, string>>;
  /** What is missing, for people. */
  readonly notes: readonly string[];
}

/** Everything that the settings of a container may come from. */
export interface SettingSources {
  readonly workload: Workload;
  /** All objects of the manifest: ConfigMaps and Secrets among them are looked into. */
  readonly resources: readonly Resource[];
  /** Settings that the user gives and that need not be found. */
  readonly given: Readonly<Record<string, string>>;
}

/**
 * Reads `env` and `envFrom`. As in the API `env` wins over `envFrom`, and the later source over the earlier one. Secrets
 * end up in the environment of the pods and nowhere else.
 */
export function settingsOf(container: Container, sources: SettingSources): ManifestSettings {
  const env: Record<string, string> = {};
  const notes: string[] = [];
  for (const source of container.at.get('envFrom').items()) {
    const prefix = source.get('prefix').text ?? '';
    for (const kind of ['ConfigMap', 'Secret'] as const) {
      const name = source.at(REFERENCES[kind].from, 'name').text;
      if (name === undefined) continue;
      const found = sourceNamed(kind, name, sources);
      if (found === undefined) notes.push(`${kind} ${name} is not in the manifest; --env sets what it would set`);
      for (const [key, value] of Object.entries(found ?? {})) env[`${prefix}${key}`] = value;
    }
  }
  for (const [name, { at, value }] of container.env) {
    const text = value?.text ?? fromReference(at.get('valueFrom'), sources);
    // `$(NAME)` stands for a setting above it (Kubernetes, dependent environment variables).
    if (text !== undefined) {
      env[name] = text.replaceAll(/\$\(([A-Za-z_]\w*)\)/g, (whole, other) => env[other] ?? whole);
    } else if (sources.given[name] === undefined) {
      notes.push(`${name} comes from ${originOf(at.get('valueFrom'))} and is not set; --env ${name}=… sets it`);
    }
  }
  return { env: { ...env, ...sources.given }, notes };
}

const REFERENCES = {
  ConfigMap: { key: 'configMapKeyRef', from: 'configMapRef' },
  Secret: { key: 'secretKeyRef', from: 'secretRef' },
} as const;

function fromReference(valueFrom: Cursor, sources: SettingSources): string | undefined {
  for (const kind of ['ConfigMap', 'Secret'] as const) {
    const reference = valueFrom.get(REFERENCES[kind].key);
    const name = reference.get('name').text;
    const key = reference.get('key').text;
    if (name !== undefined && key !== undefined) return sourceNamed(kind, name, sources)?.[key];
  }
  return fromField(valueFrom.at('fieldRef', 'fieldPath').text, sources.workload);
}

function originOf(valueFrom: Cursor): string {
  for (const kind of ['ConfigMap', 'Secret'] as const) {
    const name = valueFrom.at(REFERENCES[kind].key, 'name').text;
    if (name !== undefined) return `${kind} ${name}`;
  }
  return 'the cluster';
}

/** The values of a ConfigMap or a Secret of the manifest; undefined where it has none of that name. */
function sourceNamed(
  kind: 'ConfigMap' | 'Secret',
  name: string,
  { resources, workload }: SettingSources,
): Record<string, string> | undefined {
  const { namespace = 'default' } = workload.resource;
  const found = resources.find(
    (each) => each.kind === kind && each.name === name && (each.namespace ?? 'default') === namespace,
  );
  if (found === undefined) return undefined;
  const values: Record<string, string> = {};
  const data = found.root.get('data');
  for (const key of data.keys()) {
    const text = data.get(key).text;
    if (text !== undefined) values[key] = kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text;
  }
  const plain = found.root.get('stringData');
  for (const key of kind === 'Secret' ? plain.keys() : []) {
    const text = plain.get(key).text;
    if (text !== undefined) values[key] = text;
  }
  return values;
}

function fromField(path: string | undefined, { resource }: Workload): string | undefined {
  switch (path) {
    case 'status.podIP':
    case 'status.hostIP':
      return '127.0.0.1';
    case 'metadata.name':
      return resource.name;
    case 'metadata.namespace':
      return resource.namespace ?? 'default';
    default:
      return undefined;
  }
}
