import { readFileSync } from 'node:fs';

/** A page of `docs/`. */
export function page(name: string): string {
  return readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');
}

/** The part of a page under one heading, up to the next one of any level; before the first heading but the title: `''`. */
export function section(text: string, heading = ''): string {
  const parts = text.split(/^#{1,6} /m);
  const part = heading === '' ? parts[1] : parts.find((one) => one.split('\n', 1)[0]?.trim() === heading);
  if (part === undefined) throw new Error(`there is no heading "${heading}"`);
  return part;
}

/** The rows of a text's first table, or of the one whose head begins so; without the head, each cell as it is written. */
export function table(text: string, head = ''): string[][] {
  const lines = text.split('\n');
  const from = lines.findIndex(
    (line, index) => line.startsWith(`| ${head}`.trimEnd()) && lines[index + 1]?.startsWith('|-'),
  );
  if (from === -1) throw new Error('there is no such table');
  const rows: string[][] = [];
  for (const line of lines.slice(from + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

/** What a cell has in code style. */
export function codes(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** The first column, which names what the row is about. */
export function names(rows: readonly string[][]): string[] {
  return rows.map(([first]) => codes(first)[0] ?? first ?? '');
}
