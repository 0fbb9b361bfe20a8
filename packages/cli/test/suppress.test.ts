import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lint } from '../src/index.ts';
import { deployment } from './support/manifests.ts';

const HOOK = 'lifecycle:\n  preStop:\n    httpGet: { path: /prestop, port: 9090, scheme: HTTPS }';
const TEXT = deployment(HOOK);

function of(text: string, ...rules: string[]): { codes: string[]; ignored: number; messages: string[] } {
  const { findings, summary } = lint([{ file: 'a.yaml', text }], { rules: [...rules, 'PS062'] });
  return {
    codes: findings.map(({ code }) => code),
    ignored: summary.suppressed,
    messages: findings.map(({ message }) => message),
  };
}

describe('# prestop-ignore', () => {
  it('without it the rule is heard', () => {
    expect(of(TEXT, 'PS016')).toMatchObject({ codes: ['PS016'], ignored: 0 });
  });

  it('is heard as the README shows it', () => {
    const text = readFileSync(new URL('fixtures/exception.yaml', import.meta.url), 'utf8');
    expect(of(text, 'PS038')).toMatchObject({ codes: [], ignored: 1 });
    expect(of(text.replace(/# prestop-ignore.*/, '#'), 'PS038')).toMatchObject({ codes: ['PS038'], ignored: 0 });
  });

  it.each([
    ['behind the line', TEXT.replace('scheme: HTTPS }', 'scheme: HTTPS } # prestop-ignore PS016 a proxy in between')],
    [
      'above the line',
      TEXT.replace(
        '              httpGet',
        '              # prestop-ignore PS016 a proxy in between\n              httpGet',
      ),
    ],
    [
      'above a block',
      TEXT.replace(
        '          lifecycle',
        '          # prestop-ignore PS016 a proxy in between\n          # and more words\n\n          lifecycle',
      ),
    ],
    [
      'above a list',
      TEXT.replace('      containers', '      # prestop-ignore PS016 a proxy in between\n      containers'),
    ],
    [
      'above a list entry',
      TEXT.replace('        - name', '        # prestop-ignore PS016 a proxy in between\n        - name'),
    ],
    [
      'by name',
      TEXT.replace(
        '          lifecycle',
        '          # prestop-ignore hook-https: a proxy in between\n          lifecycle',
      ),
    ],
    [
      'among others',
      TEXT.replace(
        '          lifecycle',
        '          # prestop-ignore PS003, PS016 a proxy in between\n          lifecycle',
      ),
    ],
    ['for the file', `# prestop-ignore-file PS016 a proxy in between\n${TEXT}`],
    [
      'by annotation of the object',
      TEXT.replace(
        'name: orders\nspec',
        'name: orders\n  annotations:\n    prestop/ignore: "PS016 a proxy in between"\nspec',
      ),
    ],
    [
      'by annotation of the pod',
      TEXT.replace(
        '        app: orders\n    spec',
        '        app: orders\n      annotations:\n        prestop/ignore: PS003 no matter; PS016 a proxy in between\n    spec',
      ),
    ],
  ])('%s', (_, text) => {
    expect(of(text, 'PS003', 'PS016').codes.filter((code) => code !== 'PS003')).toEqual([]);
    expect(of(text, 'PS003', 'PS016').ignored).toBeGreaterThanOrEqual(1);
  });

  it.each([
    [
      'above another block',
      TEXT.replace('      labels', '      # prestop-ignore PS016 a proxy in between\n      labels'),
    ],
    ['behind the block', `${TEXT}          # prestop-ignore PS016 a proxy in between\n`],
    ['in a string', TEXT.replace('image: orders:1.0.0', "image: 'a # prestop-ignore PS016 x'")],
  ])('not %s', (_, text) => {
    expect(of(text, 'PS016').codes).toContain('PS016');
  });

  it.each([
    ['# prestop-ignore PS016', 'gives no reason'],
    ['# prestop-ignore', 'names no rule'],
    ['# prestop-ignore PS999 because', 'PS999, which is no rule'],
    ['# prestop-ignore PS022 because', 'hides nothing'],
  ])('%s is itself a finding', (comment, words) => {
    const text = TEXT.replace('          lifecycle', `          ${comment}\n          lifecycle`);
    const { codes, messages } = of(text, 'PS016', 'PS022');
    expect(codes).toContain('PS062');
    expect(messages.join()).toContain(words);
  });

  it('is not called useless by a run that does not ask its rule', () => {
    expect(of(`# prestop-ignore-file PS022 because\n${TEXT}`, 'PS016').codes).toEqual(['PS016']);
  });

  it('a comment in a block scalar is text', () => {
    const text = `apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    # prestop-ignore PS999 x\n  b: "# prestop-ignore PS999 y"\n  c: d # prestop-ignore PS061 here\n`;
    expect(of(text, 'PS061').messages).toEqual(['prestop-ignore PS061 hides nothing']);
  });
});
