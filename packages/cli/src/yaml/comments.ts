import { CST, Lexer } from 'yaml';

export interface Comment {
  readonly offset: number;
  /** With the leading `#`. */
  readonly text: string;
  /** Nothing but spaces before it on its line. */
  readonly ownLine: boolean;
}

/** What the lexer says between the pieces of the text; they have no text of their own. */
const MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

/** The comments of a text, without those that only look like one inside a string. */
export function comments(text: string): Comment[] {
  const found: Comment[] = [];
  let offset = 0;
  let scalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (!scalar && MARKS.has(lexeme)) {
      // A scalar's text follows its mark, and a `#` that begins it is no comment.
      scalar = lexeme === CST.SCALAR;
      continue;
    }
    if (!scalar && lexeme.startsWith('#')) {
      const line = text.lastIndexOf('\n', offset - 1) + 1;
      found.push({ offset, text: lexeme.trimEnd(), ownLine: text.slice(line, offset).trim() === '' });
    }
    scalar = false;
    offset += lexeme.length;
  }
  return found;
}
