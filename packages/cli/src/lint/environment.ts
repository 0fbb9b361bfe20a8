import type { Cursor } from '../yaml/cursor.ts';
import type { Cluster } from './cluster.ts';
import type { Container } from './container.ts';
import type { Workload } from './workload.ts';

/**
 * The value that a container gets for a setting: written in its `env`, or in a ConfigMap that is part of the input. As in
 * the API `env` wins over `envFrom`, and the last entry of that over the ones before.
 */
export function settingIn(
  container: Container,
  name: string,
  workload: Workload,
  cluster: Cluster,
): Cursor | undefined {
  const own = container.env.get(name);
  if (own?.value !== undefined) return own.value;
  const valueIn = (configMap: string | undefined, key: string): Cursor | undefined => {
    const value = configMap === undefined ? undefined : cluster.configMapOf(workload, configMap)?.root.at('data', key);
    return value?.exists === true ? value : undefined;
  };
  if (own !== undefined) {
    const reference = own.at.at('valueFrom', 'configMapKeyRef');
    return valueIn(reference.get('name').text, reference.get('key').text ?? '');
  }
  return container.at
    .get('envFrom')
    .items()
    .map((source) => {
      const prefix = source.get('prefix').text ?? '';
      if (!name.startsWith(prefix)) return undefined;
      return valueIn(source.at('configMapRef', 'name').text, name.slice(prefix.length));
    })
    .findLast((value) => value !== undefined);
}
