import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { ParsedDocument } from './parse.ts';
import type { Place, Source } from './source.ts';

interface Entry {
  readonly pair: Pair;
  /** Whether the pair came in through a merge key, so that it belongs to other places too. */
  readonly merged: boolean;
}

/** Longest chain of merge keys that is followed; also the end of a mapping that merges itself. */
const MAX_MERGES = 32;

/** A parsed document with its source: what cursors walk through. */
export class Tree {
  readonly source: Source;
  readonly #document: ParsedDocument;
  readonly #entries = new WeakMap<YAMLMap, Map<string, Entry>>();

  constructor(source: Source, document: ParsedDocument) {
    this.source = source;
    this.#document = document;
  }

  get duplicates(): ParsedDocument['duplicates'] {
    return this.#document.duplicates;
  }

  root(): Cursor {
    return new Cursor(this, { written: this.#document.contents });
  }

  resolve(node: unknown): Node | undefined {
    let target = node;
    for (let hops = 0; isAlias(target) && hops < MAX_MERGES; hops++)
      target = this.#document.aliases.get(target as Alias);
    return isNode(target) && !isAlias(target) ? target : undefined;
  }

  /** The pairs of a mapping by key; its own win over merged ones, a later one over an earlier. */
  entries(map: YAMLMap, depth = 0): ReadonlyMap<string, Entry> {
    const known = this.#entries.get(map);
    if (known !== undefined) return known;
    const entries = new Map<string, Entry>();
    const merges: unknown[] = [];
    for (const pair of map.items) {
      if (!isScalar(pair.key)) continue;
      const name = String(pair.key.value);
      if (name === '<<') merges.push(pair.value);
      else entries.set(name, { pair, merged: false });
    }
    this.#entries.set(map, entries);
    if (depth < MAX_MERGES) for (const value of merges) this.#merge(value, entries, depth);
    return entries;
  }

  #merge(value: unknown, into: Map<string, Entry>, depth: number): void {
    const target = this.resolve(value);
    const maps = isSeq(target) ? target.items.map((item) => this.resolve(item)) : [target];
    for (const map of maps) {
      if (!isMap(map)) continue;
      for (const [name, { pair }] of this.entries(map, depth + 1)) {
        if (!into.has(name)) into.set(name, { pair, merged: true });
      }
    }
  }
}

interface Origin {
  /** The node where it is written, perhaps an alias. */
  readonly written?: unknown;
  readonly key?: Node | undefined;
  readonly parent?: Cursor;
  readonly step?: string | number;
  readonly shared?: boolean;
}

/**
 * A place in a document that may or may not exist, so that `spec.get('template').get('spec')` needs no guards. Reads
 * through aliases and merge keys; knows where in the text it stands.
 */
export class Cursor {
  readonly tree: Tree;
  readonly node: Node | undefined;
  readonly key: Node | undefined;
  readonly parent: Cursor | undefined;
  /** Reached through an alias or a merge key: an edit here would change other places as well. */
  readonly shared: boolean;
  readonly #written: Node | undefined;
  readonly #step: string | number | undefined;

  constructor(tree: Tree, origin: Origin) {
    this.tree = tree;
    this.#written = isNode(origin.written) ? origin.written : undefined;
    this.node = tree.resolve(origin.written);
    this.key = origin.key;
    this.parent = origin.parent;
    this.#step = origin.step;
    this.shared = (origin.shared ?? false) || (origin.parent?.shared ?? false) || isAlias(origin.written);
  }

  /** Whether something is written here; an explicit `null` is not something. */
  get exists(): boolean {
    return this.node !== undefined && !(isScalar(this.node) && this.node.value === null);
  }

  get isMap(): boolean {
    return isMap(this.node);
  }

  get isList(): boolean {
    return isSeq(this.node);
  }

  get(name: string): Cursor {
    const entry = isMap(this.node) ? this.tree.entries(this.node).get(name) : undefined;
    return new Cursor(this.tree, {
      written: entry?.pair.value,
      key: isNode(entry?.pair.key) ? entry.pair.key : undefined,
      parent: this,
      step: name,
      shared: entry?.merged ?? false,
    });
  }

  /** `at('spec', 'template')` is `get('spec').get('template')`. */
  at(...names: readonly string[]): Cursor {
    return names.reduce<Cursor>((cursor, name) => cursor.get(name), this);
  }

  /** The entries of a list; none for anything else. */
  items(): Cursor[] {
    if (!isSeq(this.node)) return [];
    return this.node.items.map((written, step) => new Cursor(this.tree, { written, parent: this, step }));
  }

  /** The keys of a mapping, in the order of the text. */
  keys(): string[] {
    return isMap(this.node) ? [...this.tree.entries(this.node).keys()] : [];
  }

  /** The value of a scalar. */
  get value(): unknown {
    return isScalar(this.node) ? this.node.value : undefined;
  }

  /** A string, or a scalar that was written without quotes and reads as a string: `8080` is "8080". */
  get text(): string | undefined {
    if (!isScalar(this.node)) return undefined;
    const { value, source } = this.node;
    if (typeof value === 'string') return value;
    return typeof value === 'number' || typeof value === 'boolean' ? (source ?? String(value)) : undefined;
  }

  /** A whole number that is written as one; `"30"` is a string. */
  get integer(): number | undefined {
    return typeof this.value === 'number' && Number.isSafeInteger(this.value) ? this.value : undefined;
  }

  /** Also `yes` and `on` without quotes, which are true to kubectl (YAML 1.1). */
  get flag(): boolean | undefined {
    if (typeof this.value === 'boolean') return this.value;
    if (!isScalar(this.node) || this.node.type !== 'PLAIN' || typeof this.value !== 'string') return undefined;
    if (/^(?:yes|Yes|YES|on|On|ON)$/.test(this.value)) return true;
    return /^(?:no|No|NO|off|Off|OFF)$/.test(this.value) ? false : undefined;
  }

  /** The strings of a list, or undefined when it is no list of scalars. */
  texts(): string[] | undefined {
    if (!isSeq(this.node)) return undefined;
    const texts = this.items().map((item) => item.text);
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }

  /** `spec.template.spec.containers[0]` */
  get path(): string {
    const above = this.parent?.path ?? '';
    if (this.#step === undefined) return above;
    if (typeof this.#step === 'number') return `${above}[${this.#step}]`;
    return above === '' ? this.#step : `${above}.${this.#step}`;
  }

  /** Offset of the value's text in the source; of the nearest thing around it where nothing is written. */
  get offset(): number {
    const own = (this.#written ?? this.node)?.range?.[0] ?? this.key?.range?.[0];
    return own ?? this.parent?.offset ?? 0;
  }

  /** Offset of the key, for findings about a whole block; of the value where there is no key. */
  get keyOffset(): number {
    return this.key?.range?.[0] ?? this.offset;
  }

  get place(): Place {
    return this.tree.source.place(this.offset);
  }
}
