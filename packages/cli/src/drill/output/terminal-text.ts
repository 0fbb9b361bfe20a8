export type Paint = (text: string, style: 'red' | 'green' | 'yellow' | 'dim' | 'bold') => string;

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export function painter(colours: boolean): Paint {
  return (text, style) => (colours && text !== '' ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text);
}

/** Room for what stands before a chart or a moment. */
export const LABEL_WIDTH = 10;

export function padded(label: string): string {
  return label.padEnd(LABEL_WIDTH);
}

/**
 * A text that begins with `lead`, which is `indent` columns wide without its colours, in lines of at most `width` columns;
 * the others begin with as many blanks. A word that is longer has a line of its own.
 */
export function hanging(lead: string, indent: number, text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || longer.length > width - indent) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  return lines.map((line, index) => `${index === 0 ? lead : ' '.repeat(indent)}${line}`);
}

/** The end of a text that does not fit is what makes it differ from others. */
export function shortened(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}
