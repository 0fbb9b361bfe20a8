import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CASES } from '../../src/drill/cases/case.ts';
import { DRILL_OPTIONS } from '../../src/drill/command-options.ts';
import { DRILL_EXIT } from '../../src/drill/exit-codes.ts';
import { FAULTS } from '../../src/drill/faults/index.ts';

const page = readFileSync(new URL('../../../../docs/drill.md', import.meta.url), 'utf8');

/** Rows of the first table below a heading, without its head. */
function rowsUnder(heading: string): string[] {
  const lines = page.slice(page.indexOf(heading)).split('\n');
  const begin = lines.findIndex((line) => line.startsWith('|---'));
  const rest = lines.slice(begin + 1);
  return rest.slice(
    0,
    rest.findIndex((line) => !line.startsWith('|')),
  );
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

test('the page has every option with the words of --help', () => {
  const options = DRILL_OPTIONS.filter(({ name }) => name !== 'help');
  expect(rowsUnder('## Options')).toEqual(
    options.map(({ name, value, short, help }) => {
      const long = `\`--${[name, value].filter(Boolean).join(' ')}\``;
      return `| ${long}${short === undefined ? '' : `, \`-${short}\``} | ${cell(help)} |`;
    }),
  );
});

test('and every case, fault and exit code', () => {
  const summaries = (all: Iterable<{ readonly name: string; readonly summary: string }>): string[] =>
    [...all].map(({ name, summary }) => `| \`${name}\` | ${cell(summary)} |`);
  expect(rowsUnder('## Cases')).toEqual(summaries(CASES.values()));
  expect(rowsUnder('## Faults')).toEqual(summaries(FAULTS.values()));
  const codes = rowsUnder('## What comes out').map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((text) => text.trim()),
  );
  expect(codes).toEqual(Object.entries(DRILL_EXIT).map(([name, code]) => [`\`${name}\``, String(code)]));
});
