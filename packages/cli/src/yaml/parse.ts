import {
  type Alias,
  Composer,
  type CST,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  Parser,
} from 'yaml';
import type { Source } from './source.ts';

/** Why a part of the input could not be read. */
export interface SyntaxProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A key that stands twice in one mapping. */
export interface DuplicateKey {
  readonly key: string;
  /** Offsets of the first and the repeated key. */
  readonly first: number;
  readonly repeated: Node;
}

/** One YAML document whose aliases are resolved. */
export interface ParsedDocument {
  readonly contents: Node;
  readonly aliases: ReadonlyMap<Alias, Node>;
  readonly duplicates: readonly DuplicateKey[];
}

/** Deeper nesting than any Kubernetes object has; the parser recurses, so that there has to be an end. */
const MAX_DEPTH = 500;
/** Syntax mistakes after which a text is taken for something else than YAML. */
const MAX_MISTAKES = 100;
/** Problems kept per file; a file of garbage would otherwise repeat itself a million times. */
const MAX_PROBLEMS = 5;

/** An action of Go's templates as charts have them; in YAML that can be read it is a string like any other. */
const TEMPLATE = /\{\{-?\s*(?:\/\*|\$|\.[A-Z]|(?:include|template|if|with|range|end|else|toYaml|tpl|define|fail)\b)/;
const NOT_RENDERED = 'a template, not YAML yet; check what it becomes: helm template … | prestop lint -';

/**
 * Reads a YAML stream document by document. Problems go to `report`; a broken document does not hide the others.
 * Duplicate keys are not problems here: Kubernetes' own readers differ about them, so that a rule judges them. The
 * library's check for them is off also because it compares each key with all before it, which is quadratic.
 */
export function* parseDocuments(source: Source, report: (problem: SyntaxProblem) => void): Generator<ParsedDocument> {
  const budget = { left: MAX_PROBLEMS };
  const tell = (offset: number, message: string): void => {
    if (budget.left-- > 0)
      report({ file: source.file, ...source.place(offset), message: message.replace(/\s+/g, ' ').trim() });
  };
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent', strict: false });
  // A parse error is a value here, never thrown: a stack trace for each would cost more than the parsing.
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const stops: Stop[] = [];
    const stop = (where: Stop): void => void stops.push(where);
    for (const document of composer.compose(tokens(source.text, stop), false, source.text.length)) {
      const template = document.errors.length === 0 ? -1 : source.text.search(TEMPLATE);
      if (template !== -1) return report({ file: source.file, ...source.place(template), message: NOT_RENDERED });
      for (const error of document.errors) tell(error.pos[0], error.message);
      if (document.contents !== null) yield { contents: document.contents, ...survey(document.contents, tell) };
    }
    for (const error of composer.streamInfo().errors) tell(error.pos[0], error.message);
    for (const { offset, message } of stops) tell(offset, message);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (budget.left < 0) {
    const last = source.place(source.text.length);
    report({ file: source.file, ...last, message: `${-budget.left} more problems in this file are not listed` });
  }
}

interface Stop {
  readonly offset: number;
  readonly message: string;
}

/** The tokens up to the end, or up to where going on would cost much and tell nothing: deep nesting, endless mistakes. */
function* tokens(text: string, stop: (where: Stop) => void): Generator<CST.Token, void> {
  const parser = new Parser();
  let mistakes = 0;
  let firstTab: number | undefined;
  let lineStart = true;
  for (const lexeme of new Lexer().lex(text)) {
    if (lineStart && lexeme.startsWith('\t') && !parser.stack.some(({ type }) => type === 'flow-collection')) {
      firstTab ??= parser.offset;
      if (++mistakes > MAX_MISTAKES)
        return stop({ offset: firstTab, message: 'indented with tabs; YAML takes spaces only' });
    }
    lineStart = lexeme.endsWith('\n');
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error' && ++mistakes > MAX_MISTAKES) {
        return stop({ offset: token.offset, message: `more than ${MAX_MISTAKES} mistakes; not read any further` });
      }
      yield token;
    }
    if (parser.stack.length > MAX_DEPTH) {
      return stop({ offset: parser.offset, message: `nested deeper than ${MAX_DEPTH} levels; not read any further` });
    }
  }
  yield* parser.end();
}

/** Resolves aliases (the last anchor of that name before it) and finds repeated keys, in one walk without recursion. */
function survey(
  root: Node,
  tell: (offset: number, message: string) => void,
): { aliases: Map<Alias, Node>; duplicates: DuplicateKey[] } {
  const aliases = new Map<Alias, Node>();
  const duplicates: DuplicateKey[] = [];
  const anchors = new Map<string, Node>();
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const node = stack.pop();
    if (!isNode(node)) continue;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined)
        tell(node.range?.[0] ?? 0, `alias *${node.source} has no anchor &${node.source} before it`);
      else aliases.set(node, target);
      continue;
    }
    if (node.anchor !== undefined && node.anchor !== '') anchors.set(node.anchor, node);
    if (isSeq(node)) {
      for (let index = node.items.length - 1; index >= 0; index--) stack.push(node.items[index]);
    } else if (isMap(node)) {
      repeatedKeys(node.items, duplicates);
      for (let index = node.items.length - 1; index >= 0; index--) {
        const pair = node.items[index];
        if (pair !== undefined) stack.push(pair.value, pair.key);
      }
    }
  }
  return { aliases, duplicates };
}

function repeatedKeys(pairs: readonly Pair[], duplicates: DuplicateKey[]): void {
  if (pairs.length < 2) return;
  const seen = new Map<string, number>();
  for (const { key } of pairs) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, key.range?.[0] ?? 0);
    else if (name !== '<<') duplicates.push({ key: name, first, repeated: key });
  }
}
