import type { Cursor } from '../yaml/cursor.ts';

/** One Kubernetes object of the input; entries of a List are objects of their own. */
export interface Resource {
  readonly root: Cursor;
  readonly apiVersion: string;
  /** The part of `apiVersion` before the slash; empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined where it is left to the command that applies it. */
  readonly namespace: string | undefined;
}

const MAX_LIST_DEPTH = 10;

/** The objects in a document, Lists unfolded; nothing for YAML that is not Kubernetes'. */
export function* resourcesIn(root: Cursor, seen: Set<unknown> = new Set(), depth = 0): Generator<Resource> {
  const kind = root.get('kind').text;
  const apiVersion = root.get('apiVersion').text;
  // The same object through two aliases is one object; this also ends a List that contains itself.
  if (kind === undefined || apiVersion === undefined || seen.has(root.node)) return;
  seen.add(root.node);
  const items = root.get('items');
  if (kind.endsWith('List') && items.isList) {
    if (depth >= MAX_LIST_DEPTH) return;
    for (const item of items.items()) yield* resourcesIn(item, seen, depth + 1);
    return;
  }
  yield {
    root,
    apiVersion,
    group: apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '',
    kind,
    name: root.at('metadata', 'name').text ?? root.at('metadata', 'generateName').text ?? '(no name)',
    namespace: root.at('metadata', 'namespace').text,
  };
}

/** `Deployment/orders` */
export function titleOf(resource: Resource): string {
  return `${resource.kind}/${resource.name}`;
}

/** A mapping of strings: labels, annotations, a selector. */
export function stringMap(cursor: Cursor): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const key of cursor.keys()) {
    const text = cursor.get(key).text;
    if (text !== undefined) map.set(key, text);
  }
  return map;
}
