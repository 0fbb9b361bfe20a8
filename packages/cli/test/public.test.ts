import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fix, lint } from '../src/index.ts';

const FOLDER = new URL('./fixtures/public/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

describe('manifests of other projects', () => {
  it('are more than 30, rendered charts among them, and the notice names each', () => {
    expect(FILES.length).toBeGreaterThan(30);
    expect(FILES.filter((file) => file.endsWith('-chart-rendered.yaml')).length).toBeGreaterThanOrEqual(4);
    const notice = readFileSync(new URL('NOTICE', FOLDER), 'utf8');
    for (const file of FILES) expect(notice).toContain(`${file}\n`);
  });

  it.each(FILES)('%s: read without a problem, and nothing is called certainly wrong', (file) => {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const { findings, problems, summary } = lint([{ file, text }]);
    expect(problems).toEqual([]);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    // They know nothing of prestop, so that rules about the SDK have nothing to say.
    const general = ['PS003', 'PS020', 'PS022', 'PS023', 'PS030', 'PS031', 'PS037', 'PS041', 'PS047', 'PS050', 'PS061'];
    expect(general).toEqual(expect.arrayContaining(findings.map(({ code }) => code)));
    expect(summary.objects).toBeGreaterThan(0);
    const lines = text.split('\n');
    for (const finding of findings) expect(lines[finding.line - 1]?.length).toBeGreaterThanOrEqual(finding.column - 1);
  });

  it('together are one cluster, and fixing them touches only what a fix is for', () => {
    const inputs = FILES.map((file) => ({ file, text: readFileSync(new URL(file, FOLDER), 'utf8') }));
    const { outputs, result } = fix(inputs);
    expect(result.problems).toEqual([]);
    for (const [index, output] of outputs.entries()) {
      const before = inputs[index]?.text.split('\n') ?? [];
      const changed = output.text.split('\n').filter((line, row) => line !== before[row]);
      expect(
        changed.every((line) => line.includes('exec ')),
        output.file,
      ).toBe(true);
    }
  });
});
