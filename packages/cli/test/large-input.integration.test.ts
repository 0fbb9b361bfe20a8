import { describe, expect, it } from 'vitest';
import { fix, lint } from '../src/index.ts';
import { deployment } from './support/manifests.ts';

const SLEEPY = deployment('lifecycle:\n  preStop:\n    sleep:\n      seconds: 99');

function seconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

function cluster(count: number): string {
  return lines(count, (index) => {
    const service = `apiVersion: v1\nkind: Service\nmetadata: { name: s${index} }\nspec: { selector: { app: a${index} }, ports: [{ port: 80 }] }`;
    return `${SLEEPY.replaceAll('app: orders', `app: a${index}`)}---\n${service}\n---`;
  });
}

const SHAPES: Readonly<Record<string, (count: number) => string>> = {
  'documents and their neighbours': cluster,
  'keys of one mapping': (count) => `a:\n${lines(count * 20, (index) => `  k${index}: v`)}`,
  aliases: (count) => `a: &a { x: 1 }\nb:\n${lines(count * 20, () => '  - *a')}`,
  'aliases of one object': (count) =>
    `apiVersion: v1\nkind: List\nitems:\n  - &a { apiVersion: v1, kind: Pod }\n${lines(count * 20, () => '  - *a')}`,
  'environment settings': (count) =>
    deployment(`env:\n${lines(count * 5, (index) => `  - { name: E${index}, value: "1" }`)}`),
  containers: (count) =>
    deployment('', `initContainers:\n${lines(count, (index) => `  - { name: c${index}, image: a, lifecycle: {} }`)}`),
  'ignore comments': (count) => `${lines(count, () => '# prestop-ignore PS001 because')}\n${SLEEPY}`,
  'open brackets': (count) => `a: ${'['.repeat(count * 100)}`,
  mistakes: (count) => lines(count * 10, () => '"a" "b"'),
};

describe('time grows with the input, not with its square', () => {
  it.each(Object.entries(SHAPES))('%s', (_, shape) => {
    const run = (count: number) => seconds(() => lint([{ file: 'a.yaml', text: shape(count) }]));
    run(200);
    const small = Math.min(run(400), run(400));
    // Four times the input; quadratic work would take sixteen times as long.
    expect(Math.min(run(1600), run(1600))).toBeLessThan(Math.max(small * 10, 0.5));
  });

  it('fixes', () => {
    const text = (count: number) => lines(count, () => `${deployment('', 'terminationGracePeriodSeconds: "45"')}---`);
    const run = (count: number) => seconds(() => fix([{ file: 'a.yaml', text: text(count) }]));
    run(100);
    const small = Math.min(run(200), run(200));
    expect(run(800)).toBeLessThan(Math.max(small * 10, 0.5));
  });
});

it('10 MB of Deployments are checked, and every one of them', () => {
  const one = `${SLEEPY}---\n`;
  const count = Math.ceil(10_000_000 / one.length);
  const { findings, problems, summary } = lint([{ file: 'a.yaml', text: one.repeat(count) }]);
  expect(problems).toEqual([]);
  expect(summary.workloads).toBe(count);
  expect(findings.filter(({ code }) => code === 'PS022')).toHaveLength(count);
}, 180_000);
