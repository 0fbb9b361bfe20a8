import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { consulSettleMs } from '../src/consul/index.ts';
import { nacosSettleMs } from '../src/nacos/index.ts';

it('the page lists every settle preset with its number', () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(?<preset>\w+SettleMs\.\w+)`\s*\| (?<ms>\d+)\s*\|/gm)].map(
    ({ groups }) => [groups?.['preset'], Number(groups?.['ms'])] as const,
  );
  const presets = Object.entries({ consulSettleMs, nacosSettleMs }).flatMap(([name, table]) =>
    Object.entries(table).map(([preset, ms]) => [`${name}.${preset}`, ms] as const),
  );
  expect(listed).toEqual(presets);
});
