import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

it('has every scenario once, in order, and runs it', () => {
  const sources = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.integration.test.ts'))
    .sort()
    .map((name) => readFileSync(`${FOLDER}${name}`, 'utf8'))
    .join('');
  const numbers = [...sources.matchAll(/['"](\d+b?)\. /g)].map(([, number]) => number);
  const expected = Array.from({ length: 28 }, (_, index) => String(index + 1));
  expect(numbers).toEqual(expected.toSpliced(3, 0, '3b'));
  expect(sources).not.toMatch(/\.(?:skip|skipIf|runIf|todo|only|fails)\b/);
});
