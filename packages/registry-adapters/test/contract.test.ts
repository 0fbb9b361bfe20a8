import { tmpdir } from 'node:os';
import { isLifecycleError, type LifecycleError } from '@prestop/core';
import { consul } from '@prestop/registry-adapters/consul';
import { file } from '@prestop/registry-adapters/file';
import { nacos } from '@prestop/registry-adapters/nacos';
import { describe, expect, test } from 'vitest';
import { codes, names, page, section, table } from '../../core/test/support/markdown.ts';

type Given = Readonly<Record<string, unknown>>;

const consulWith = (given: Given): unknown => consul({ name: 'orders', port: 3000, ...given });

/** How to give options to what a section of the page is about. */
const SECTIONS: readonly [string, (given: Given) => unknown][] = [
  ['Consul', consulWith],
  ['Consul check: ttl', (given) => consulWith({ check: { type: 'ttl', ...given } })],
  ['Consul check: http', (given) => consulWith({ check: { type: 'http', url: '/livez', ...given } })],
  ['Consul weights', (given) => consulWith({ weights: { passing: 1, warning: 1, ...given } })],
  ['Consul TLS', (given) => consulWith({ tls: given })],
  ['Nacos', (given) => nacos({ serverList: '127.0.0.1', name: 'orders', port: 3000, ...given })],
  ['File', (given) => file({ dir: tmpdir(), name: 'orders', port: 3000, ...given })],
];

describe('docs/registries.md', () => {
  test.each(SECTIONS)('section "%s" lists every option once, with the rule of the code', (heading, give) => {
    const rows = table(section(page('registries.md'), heading), 'option');
    const known = /known options: (.*)$/.exec(refusal(() => give({ gracePeriodOfThePod: 1 })).message)?.[1] ?? '';
    expect(names(rows)).toEqual(known.split(', ').map((name) => name.split('.').at(-1)));
    for (const [name, rule, , words = ''] of rows) {
      expect(refusal(() => give({ [codes(name)[0] ?? '']: Symbol('wrong') })).rule).toBe(rule);
      expect(words).not.toBe('');
    }
  });

  test.each([
    ['Consul', consul({ name: 'orders', port: 3000 })],
    ['Nacos', nacos({ serverList: '127.0.0.1', name: 'orders', port: 3000 })],
    ['File', file({ dir: tmpdir(), name: 'orders', port: 3000 })],
  ])('section "%s" gives the defaults that an adapter shows', (heading, adapter) => {
    const rows = table(section(page('registries.md'), heading), 'option');
    const given = (option: string): unknown => codes(rows.find((row) => row[0]?.includes(`\`${option}\``))?.[2]);
    expect(given('settleMs')).toEqual([String(adapter.settleMs)]);
    expect(given('registryName')).toEqual([adapter.name]);
  });
});

function refusal(give: () => unknown): LifecycleError {
  try {
    give();
  } catch (error) {
    if (isLifecycleError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
