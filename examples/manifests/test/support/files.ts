import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** The folder `examples`. */
export const EXAMPLES: string = fileURLToPath(new URL('../../../', import.meta.url));

export interface YamlFile {
  /** Relative to `examples`. */
  readonly name: string;
  readonly text: string;
  /** Its documents, as kubectl reads them. */
  readonly documents: readonly unknown[];
}

const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist']);

function paths(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return paths(path);
    return /\.ya?ml$/.test(entry.name) ? [path] : [];
  });
}

/**
 * The documents of a text, read as YAML 1.1 (kubectl) or 1.2 (editors, most libraries).
 *
 * @throws Error for what either of them would warn of.
 */
export function parse(text: string, version: '1.1' | '1.2' = '1.1'): unknown[] {
  return parseAllDocuments(text, { version, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS();
  });
}

/** Every YAML file below `examples`. */
export const YAML_FILES: readonly YamlFile[] = paths(EXAMPLES)
  .sort()
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    return { name: relative(EXAMPLES, path), text, documents: parse(text) };
  });

interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly patches?: readonly { readonly path?: string }[];
}

const KUSTOMIZATIONS = YAML_FILES.filter(({ name }) => name.endsWith('kustomization.yaml'));

/** Folders that `kubectl apply -k` takes, relative to `examples`. */
export const KUSTOMIZATION_FOLDERS: readonly string[] = KUSTOMIZATIONS.filter(
  ({ documents: [document] }) => (document as Kustomization).kind === 'Kustomization',
).map(({ name }) => dirname(name));

/** Names of the files that a kustomization applies as patches: parts of objects. */
const PATCHES: ReadonlySet<string> = new Set(
  KUSTOMIZATIONS.flatMap(({ name, documents: [document] }) =>
    ((document as Kustomization).patches ?? []).flatMap(({ path }) =>
      path === undefined ? [] : [relative(EXAMPLES, resolve(EXAMPLES, dirname(name), path))],
    ),
  ),
);

/** Files of whole objects, which can be applied as they are. */
export const OBJECT_FILES: readonly YamlFile[] = YAML_FILES.filter(
  (file) => !KUSTOMIZATIONS.includes(file) && !PATCHES.has(file.name),
);
