import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Finding, lint, RULES } from '../src/index.ts';

const FIXTURES = new URL('./fixtures/rules/', import.meta.url);

function read(code: string, name: string): string {
  return readFileSync(new URL(`${code}/${name}.yaml`, FIXTURES), 'utf8');
}

/** `# expect PS022` on a line, perhaps with a severity that is milder than the rule's. */
function expectations(text: string, code: string, severity: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const match = /# expect (PS\d{3})(?: (error|warning|info))?$/.exec(line);
    return match?.[1] === code ? [`line ${index + 1} ${match[2] ?? severity}`] : [];
  });
}

function found(text: string, code: string): readonly Finding[] {
  const { findings, problems } = lint([{ file: 'fixture.yaml', text }]);
  expect(problems).toEqual([]);
  return findings.filter((finding) => finding.code === code);
}

describe('the table of rules', () => {
  it('has at least 25 rules with codes in a row, unique names and every text', () => {
    expect(RULES.length).toBeGreaterThanOrEqual(25);
    expect(RULES.map(({ code }) => code)).toEqual(RULES.map((_, index) => `PS${String(index + 1).padStart(3, '0')}`));
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
    for (const rule of RULES) {
      expect(rule.name, rule.code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(rule.source, rule.code).toMatch(/^https:\/\//);
      for (const text of [rule.summary, rule.why]) expect(text, rule.code).toMatch(/^\S.*\.$/s);
      expect(rule.fix, rule.code).not.toBe('');
    }
  });

  it('has a failing and a passing fixture for every rule, and none without a rule', () => {
    for (const { code } of RULES) {
      for (const name of ['fail', 'pass']) {
        expect(existsSync(new URL(`${code}/${name}.yaml`, FIXTURES)), `${code}/${name}.yaml`).toBe(true);
      }
    }
    expect(readdirSync(FIXTURES).sort()).toEqual(RULES.map(({ code }) => code));
  });
});

describe.each(RULES.map(({ code, name, severity }) => ({ code, name, severity })))(
  '$code $name',
  ({ code, severity }) => {
    it('finds what it is about, on the lines that are marked', () => {
      const text = read(code, 'fail');
      const expected = expectations(text, code, severity);
      expect(expected.length).toBeGreaterThan(0);
      expect(found(text, code).map((finding) => `line ${finding.line} ${finding.severity}`)).toEqual(expected);
    });

    it('finds nothing in what is right', () => {
      expect(found(read(code, 'pass'), code)).toEqual([]);
    });

    it('never reports more severely than the table says', () => {
      const order = ['error', 'warning', 'info'];
      for (const finding of found(read(code, 'fail'), code)) {
        expect(order.indexOf(finding.severity)).toBeGreaterThanOrEqual(order.indexOf(severity));
      }
    });
  },
);
