import { isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Cursor } from './cursor.ts';

/**
 * One replacement in a text, by offsets. Edits keep everything around them: no document is ever written anew. A change
 * that cannot be made without guessing (through an alias, in an unusual layout) is `undefined` instead.
 */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const PLAIN = /^[\w./](?:[\w./@:+-]*[\w/+-])?$/;
/** What YAML 1.1 or 1.2 reads as something else than a string. */
const AMBIGUOUS = /^(?:[-+.]?\d[\d_.:eExXa-fA-F+-]*|true|false|yes|no|on|off|y|n|null|~|\.nan|[-+]?\.inf)$/i;

/** A string as YAML, in quotes only where it needs them. */
export function yamlString(value: string): string {
  return PLAIN.test(value) && !AMBIGUOUS.test(value) ? value : JSON.stringify(value);
}

/** Puts another string in the place of a scalar, in the quotes that are there. */
export function replaceText(at: Cursor, value: string): TextEdit | undefined {
  const node = at.node;
  if (at.shared || !isScalar(node) || !node.range) return undefined;
  const [start, end] = node.range;
  if (node.type === 'QUOTE_SINGLE') return { start, end, text: `'${value.replaceAll("'", "''")}'` };
  if (node.type === 'QUOTE_DOUBLE') return { start, end, text: JSON.stringify(value) };
  if (node.type === 'PLAIN') return { start, end, text: yamlString(value) };
  return undefined;
}

/** Puts YAML as it is (a number, a word) in the place of a scalar. */
export function replaceRaw(at: Cursor, yaml: string): TextEdit | undefined {
  const node = at.node;
  if (at.shared || !isScalar(node) || !node.range || node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') {
    return undefined;
  }
  return { start: node.range[0], end: node.range[1], text: yaml };
}

/** Takes a key and its value out of a mapping, with the rest of their line. */
export function removePair(map: Cursor, name: string): TextEdit | undefined {
  const found = locate(map, name);
  if (found === undefined || found.items.length < 2) return undefined;
  const { items, index, text } = found;
  const start = keyStart(items[index]);
  const end = valueEnd(items[index]);
  if (start === undefined || end === undefined) return undefined;
  const next = keyStart(items[index + 1]);
  if (found.flow) {
    if (next !== undefined) return { start, end: next, text: '' };
    const before = valueEnd(items[index - 1]);
    return before === undefined ? undefined : { start: before, end, text: '' };
  }
  const line = lineStart(text, start);
  if (text.slice(line, start).trim() === '') return { start: line, end: lineEnd(text, end), text: '' };
  // First key of a list entry, on the line of its dash: the next key moves up.
  return next !== undefined && text.slice(end, next).trim() === '' ? { start, end: next, text: '' } : undefined;
}

/**
 * Adds `name: value` after an existing key of a mapping, in the mapping's own style. Further lines of `value` are given
 * relative to the new key's column; a flow mapping takes only one line.
 */
export function insertAfter(map: Cursor, sibling: string, name: string, value: string): TextEdit | undefined {
  const found = locate(map, sibling);
  if (found === undefined) return undefined;
  const { items, index, text } = found;
  const start = keyStart(items[index]);
  const end = valueEnd(items[index]);
  if (start === undefined || end === undefined) return undefined;
  if (found.flow) {
    return value.includes('\n') ? undefined : { start: end, end, text: `, ${flowPair(items[index], name, value)}` };
  }
  const eol = lineBreak(text, start);
  const indent = indentOf(text, start);
  const lines = `${name}:${value.startsWith('\n') ? '' : ' '}${value}`
    .split('\n')
    .map((line) => indent + line)
    .join(eol);
  const at = lineEnd(text, end);
  return { start: at, end: at, text: text[at - 1] === '\n' ? lines + eol : eol + lines };
}

/** The same before an existing key, which must be the first thing on its line. */
export function insertBefore(map: Cursor, sibling: string, name: string, value: string): TextEdit | undefined {
  const found = locate(map, sibling);
  const start = keyStart(found?.items[found.index]);
  if (found === undefined || start === undefined) return undefined;
  if (found.flow) {
    const pair = flowPair(found.items[found.index], name, value);
    return value.includes('\n') ? undefined : { start, end: start, text: `${pair}, ` };
  }
  const line = lineStart(found.text, start);
  const indent = found.text.slice(line, start);
  if (indent.trim() !== '') return insertAfter(map, sibling, name, value);
  return { start: line, end: line, text: `${indent}${name}: ${value}${lineBreak(found.text, start)}` };
}

/** Appends an entry to a block list; its lines are given relative to the column of the dash. */
export function appendItem(list: Cursor, lines: readonly string[]): TextEdit | undefined {
  const node = list.node;
  if (list.shared || !isSeq(node) || node.flow === true || node.items.length === 0) return undefined;
  const text = list.tree.source.text;
  const last = node.items.at(-1);
  const end = isNode(last) ? last.range?.[1] : undefined;
  const start = node.range?.[0];
  if (start === undefined || end === undefined || text[start] !== '-') return undefined;
  const eol = lineBreak(text, start);
  const indent = indentOf(text, start);
  const entry = lines.map((line, row) => `${indent}${row === 0 ? '- ' : '  '}${line}`).join(eol);
  const at = lineEnd(text, trimmedEnd(text, end));
  return { start: at, end: at, text: text[at - 1] === '\n' ? entry + eol : eol + entry };
}

/**
 * Applies edits that do not touch each other, in any order; of two that overlap the first in the text wins and the
 * other is left for another round.
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const ordered = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  const parts: string[] = [];
  let at = 0;
  let previous: TextEdit | undefined;
  for (const edit of ordered) {
    if (edit.start < at || (previous !== undefined && edit.start === previous.start)) continue;
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
    previous = edit;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

interface Location {
  readonly items: YAMLMap['items'];
  readonly index: number;
  readonly flow: boolean;
  readonly text: string;
}

function locate(map: Cursor, name: string): Location | undefined {
  const node = map.node;
  if (map.shared || !isMap(node)) return undefined;
  const index = node.items.findLastIndex(({ key }) => isScalar(key) && String(key.value) === name);
  return index === -1 ? undefined : { items: node.items, index, flow: node.flow === true, text: map.tree.source.text };
}

/** A pair beside another one: in JSON, or what looks like it, with a key and a string in quotes. */
function flowPair(sibling: Pair | undefined, name: string, value: string): string {
  const quoted = isScalar(sibling?.key) && sibling.key.type === 'QUOTE_DOUBLE';
  if (!quoted) return `${name}: ${value}`;
  return `${JSON.stringify(name)}: ${/^(?:\d+$|")/.test(value) ? value : JSON.stringify(value)}`;
}

function keyStart(pair: Pair | undefined): number | undefined {
  const range = isNode(pair?.key) ? pair.key.range : undefined;
  return range?.[0];
}

function valueEnd(pair: Pair | undefined): number | undefined {
  if (pair === undefined) return undefined;
  const node: Node | undefined = isNode(pair.value) ? pair.value : isNode(pair.key) ? pair.key : undefined;
  return node?.range?.[1];
}

/** A block collection's range ends behind the line breaks after it; the text of its last value ends before them. */
function trimmedEnd(text: string, end: number): number {
  let at = end;
  while (at > 0 && /\s/.test(text[at - 1] ?? '')) at--;
  return at;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The start of the line after the one in which a value ends. */
function lineEnd(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset;
  const at = text.indexOf('\n', offset);
  return at === -1 ? text.length : at + 1;
}

/** Spaces up to the column of `offset`; a dash before a key counts as a space. */
function indentOf(text: string, offset: number): string {
  return ' '.repeat(offset - lineStart(text, offset));
}

/** The line break used around a place; looking through the whole text for each edit would be quadratic. */
function lineBreak(text: string, offset: number): string {
  const next = text.indexOf('\n', offset);
  const at = next === -1 ? text.lastIndexOf('\n', offset) : next;
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n';
}
