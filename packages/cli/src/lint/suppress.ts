import { comments } from '../yaml/comments.ts';
import type { Source } from '../yaml/source.ts';
import { ruleNamed } from './choose.ts';

const COMMENT = /^#+\s*prestop-ignore(-file)?\b[:\s]*(.*)$/;

/** Rules that somebody turned off for a part of a file, by a comment or by an annotation. */
export class Suppression {
  /** Codes and names as written. */
  readonly rules: readonly string[];
  readonly reason: string;
  readonly source: Source;
  readonly offset: number;
  readonly #lines: readonly [number, number] | undefined;
  used = false;

  /** `lines` are the first and last line it covers; without them it covers its file, or the object it stands in. */
  constructor(source: Source, offset: number, text: string, lines?: readonly [number, number]) {
    const words = text
      .trim()
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    const rules = words.map((word) => word.replace(/:$/, ''));
    // The first word is meant to be a rule, whatever it is; the reason begins with the first other word that is none.
    const end = rules.findIndex((word, index) => index > 0 && !/^PS\d+$/.test(word) && ruleNamed(word) === undefined);
    this.rules = rules.slice(0, end === -1 ? rules.length : end);
    this.reason =
      end === -1
        ? ''
        : words
            .slice(end)
            .join(' ')
            .replace(/^[-–—:]+\s*/, '');
    this.source = source;
    this.offset = offset;
    this.#lines = lines;
  }

  names(code: string, name: string): boolean {
    return this.rules.includes(code) || this.rules.includes(name);
  }

  coversLine(line: number): boolean {
    return this.#lines === undefined || (line >= this.#lines[0] && line <= this.#lines[1]);
  }
}

/**
 * The `# prestop-ignore PS038 reason` comments of a file. Behind a line, or on its own above it, it covers that line and
 * the block below it; `# prestop-ignore-file` covers the file.
 */
export function suppressionsIn(source: Source): Suppression[] {
  if (!source.text.includes('prestop-ignore')) return [];
  const lines = source.text.split('\n');
  return comments(source.text).flatMap((comment) => {
    const match = COMMENT.exec(comment.text);
    if (match === null) return [];
    const text = match[2] ?? '';
    if (match[1] !== undefined) return [new Suppression(source, comment.offset, text)];
    const own = source.place(comment.offset).line;
    const first = comment.ownLine ? nextContent(lines, own) : own;
    return [new Suppression(source, comment.offset, text, [first, blockEnd(lines, first)])];
  });
}

/** `prestop/ignore: "PS054 reason; PS038 reason"`, for manifests whose comments do not survive rendering. */
export function suppressionsOf(source: Source, offset: number, annotation: string): Suppression[] {
  return annotation
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => new Suppression(source, offset, part));
}

/** Number of the first line after `line` that is neither empty nor a comment. */
function nextContent(lines: readonly string[], line: number): number {
  for (let next = line; next < lines.length; next++) {
    if (!/^\s*(?:#|$)/.test(lines[next] ?? '')) return next + 1;
  }
  return line;
}

/** Last line of what is indented below a line; a list may begin in the column of its key. */
function blockEnd(lines: readonly string[], first: number): number {
  const head = lines[first - 1] ?? '';
  const indent = indentOf(head);
  const dash = head.trimStart().startsWith('- ');
  let last = first;
  for (let next = first; next < lines.length; next++) {
    const text = lines[next] ?? '';
    if (/^\s*(?:#|$)/.test(text)) continue;
    const inside = indentOf(text) > indent || (!dash && indentOf(text) === indent && text.trimStart().startsWith('- '));
    if (!inside) break;
    last = next + 1;
  }
  return last;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
