import { LineCounter } from 'yaml';

/** Line and column count from 1, as editors do; offsets count UTF-16 units from 0. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One input: a file, or standard input under the name `<stdin>`. */
export class Source {
  /** As the user wrote it, relative to the working directory where it came from a folder. */
  readonly file: string;
  readonly text: string;
  readonly #lines = new LineCounter();
  #counted = false;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  place(offset: number): Place {
    if (!this.#counted) this.#count();
    const { line, col } = this.#lines.linePos(Math.min(offset, this.text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #count(): void {
    this.#lines.addNewLine(0);
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
      this.#lines.addNewLine(at + 1);
    }
    this.#counted = true;
  }
}
