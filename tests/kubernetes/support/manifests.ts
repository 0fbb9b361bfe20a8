import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { kubectl } from './kubectl.ts';
import { type Container, type Deployment, isDeployment, type KubeObject } from './objects.ts';

export const REPOSITORY: string = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = join(REPOSITORY, 'examples');

/** Every kustomization and every file of objects below `examples/`, as a user would hand it to kubectl. */
export const PUBLISHED: readonly string[] = foldersAndFiles();

/** The objects of a kustomization or of a file, by their path in `examples/`. */
export async function published(path: string): Promise<KubeObject[]> {
  const file = join(EXAMPLES, path);
  const text = path.endsWith('.yaml') ? readFileSync(file, 'utf8') : await kubectl(['kustomize', file]);
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** What `kubectl apply` is given for it, as in the comments of the manifests. */
export function applyArguments(path: string): readonly string[] {
  return [path.endsWith('.yaml') ? '-f' : '-k', join(EXAMPLES, path)];
}

/** The only Deployment among them. */
export function deploymentOf(objects: readonly KubeObject[]): Deployment {
  const [deployment, ...more] = objects.filter(isDeployment);
  if (deployment === undefined || more.length > 0) throw new Error('there is not one Deployment');
  return deployment;
}

/** Its first container, which is the service. */
export function serviceContainer(deployment: Deployment): Container {
  const [container] = deployment.spec.template.spec.containers;
  if (container === undefined) throw new Error(`${deployment.metadata.name} has no container`);
  return container;
}

/** Sets a variable that the manifest has already. */
export function setVariable(container: Container, name: string, value: string): void {
  const variables = container.env ?? [];
  if (!variables.some((variable) => variable.name === name)) throw new Error(`there is no variable ${name} to set`);
  container.env = variables.map((variable) => (variable.name === name ? { name, value } : variable));
}

function foldersAndFiles(): readonly string[] {
  const entries = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true });
  const yaml = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => relative(EXAMPLES, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path));
  const kustomizations = yaml.filter((path) => path.endsWith('/kustomization.yaml'));
  // A Component is no set of objects; it is seen with the kustomization that it changes.
  const sets = kustomizations.filter((path) => !/^kind: Component$/m.test(readFileSync(join(EXAMPLES, path), 'utf8')));
  const isAlone = (path: string): boolean => !existsSync(join(EXAMPLES, dirname(path), 'kustomization.yaml'));
  return [...sets.map((path) => dirname(path)), ...yaml.filter(isAlone)].toSorted((one, other) =>
    one.localeCompare(other),
  );
}
