import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { claims } from '../src/claims.ts';
import { CONTESTANTS, serverFile } from '../src/contestants.ts';
import type { RequestPathRow } from '../src/cost/request-path.ts';
import { page } from '../src/page.ts';
import { type Results, type Section, serialized } from '../src/results.ts';
import type { RolloutRow } from '../src/rollout.ts';

const machine = {
  date: '2026-01-01',
  node: 'v20.19.0',
  system: 'linux',
  processor: 'some',
  processors: 2,
  memoryGiB: 8,
  versions: { stoppable: '1.1.0' },
};

function section<Row>(...rows: Row[]): Section<Row> {
  return { machine, rows, command: 'npm run bench' };
}

function rollout(contestant: string, more: Partial<RolloutRow> = {}): RolloutRow {
  return {
    contestant,
    title: contestant,
    delaySeconds: 0,
    protocol: 'HTTP/1.1',
    lagSeconds: 2,
    runs: 1,
    sent: 500,
    late: 50,
    lost: 0,
    exitMs: 3_000,
    killed: 0,
    ...more,
  };
}

function cost(contestant: string, ratio: number): RequestPathRow {
  const estimate = { median: ratio, low: ratio - 0.01, high: ratio + 0.01 };
  return { contestant, title: contestant, framework: 'express', cpu: estimate, throughput: estimate };
}

const held = (results: Results): boolean[] => claims(results).map(({ holds }) => holds);

describe('what must hold', () => {
  const loser = rollout('stoppable', { lost: 9, exitMs: 100 });

  it('nothing lost by prestop, something by others, and nobody both lossless and sooner', () => {
    expect(held({ rollout: section(rollout('prestop'), loser) })).toEqual([true, true, true]);
    expect(held({ rollout: section(rollout('prestop', { lost: 1 }), loser) })).toEqual([false, true, true]);
    expect(held({ rollout: section(rollout('prestop'), rollout('stoppable', { exitMs: 4_000 })) })).toEqual([
      true,
      false,
      true,
    ]);
    const sooner = rollout('stoppable', { exitMs: 2_900, delaySeconds: 1 });
    expect(held({ rollout: section(rollout('prestop'), loser, sooner) })).toEqual([true, true, false]);
  });

  it('the best of prestop counts, and a pause that was told the lag is named and left out', () => {
    const best = rollout('prestop-registry', { exitMs: 2_500 });
    const told = rollout('stoppable', { title: 'stoppable + 2 s', delaySeconds: 2, exitMs: 2_100 });
    const results = { rollout: section(rollout('prestop'), best, loser, told) };
    expect(held(results)).toEqual([true, true, true]);
    expect(page(results)).toContain('A pause that is the lag itself got away with it in 1 of 1 cells');
  });

  it('the cost is compared with bare Express and with the cheapest of the others, never with the control', () => {
    const rows = (own: number, peer: number) => ({
      requestPath: section(
        cost('control', 0.9),
        cost('loaded', 0.9),
        cost('prestop', own),
        cost('stoppable', peer),
        cost('terminus', 1.2),
      ),
    });
    expect(held(rows(1.02, 1.01))).toEqual([true, true]);
    expect(held(rows(1.025, 1.001))).toEqual([true, false]);
    expect(held(rows(1.04, 1.05))).toEqual([false, true]);
  });

  it('nobody is cheaper than the service without a library, whatever chance says', () => {
    const rows = (own: number) => ({ requestPath: section(cost('prestop', own), cost('stoppable', 0.98)) });
    expect(held(rows(1.02))).toEqual([true, true]);
    expect(held(rows(1.021))).toEqual([true, false]);
    expect(claims(rows(1.02))[1]?.detail).toBe('prestop +2.0 %, stoppable −2.0 %, which counts as nothing');
  });

  it('an empty middleware is nobody to compare with; what ours costs is told beside it', () => {
    const rows = [
      cost('prestop', 1.02),
      cost('stoppable', 1.01),
      cost('middleware', 0.9),
      cost('prestop-express', 1.05),
    ];
    const [limit, others] = claims({ requestPath: section(...rows) });
    expect(limit?.detail).toBe(
      '+2.0 % in the paired median; +5.0 % with the middleware, an empty one alone is −10.0 %',
    );
    expect(others).toMatchObject({ holds: true, detail: 'prestop +2.0 %, stoppable +1.0 %' });
  });

  it('a part that was not run claims nothing', () => {
    expect(claims({})).toEqual([]);
  });
});

test('the page has a table for each protocol, in which only lossless cells are bold', () => {
  const rows = [
    rollout('prestop'),
    rollout('stoppable', { lost: 9, killed: 1 }),
    rollout('prestop', { protocol: 'HTTP/2' }),
  ];
  const text = page({ rollout: section(...rows) });
  expect(text).toContain('### HTTP/1.1');
  expect(text).toContain('### HTTP/2');
  expect(text).toContain('| prestop | **0 lost, 3.0 s** |');
  expect(text).toContain('| stoppable | 9 lost, 3.0 s, killed |');
  expect(text).toContain('Node v20.19.0');
});

test('results are read back as they were written, one row a line', () => {
  const results = {
    rollout: section(rollout('prestop'), rollout('stoppable')),
    requestPath: section(cost('prestop', 1.01)),
  };
  const text = serialized(results);
  expect(JSON.parse(text)).toEqual(results);
  expect(text.split('\n').filter((line) => line.includes('"contestant"'))).toHaveLength(3);
});

test('the page in the repository is that of the results beside it', () => {
  const beside = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  const results = beside('results.json');
  expect(beside('RESULTS.md')).toBe(page(JSON.parse(results)));
  expect(results).toBe(serialized(JSON.parse(results)));
});

test('every contestant is a service of its own file, and says how it is set up and where that is from', () => {
  for (const { id, file, setup, source } of CONTESTANTS) {
    expect(readFileSync(serverFile(file), 'utf8'), id).not.toBe('');
    expect(setup.length, id).toBeGreaterThan(10);
    expect(source, id).toMatch(/^(https:\/\/|\.\.\/)/);
  }
  expect(new Set(CONTESTANTS.map(({ id }) => id)).size).toBe(CONTESTANTS.length);
});
