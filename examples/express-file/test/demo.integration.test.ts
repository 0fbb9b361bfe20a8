import { fileURLToPath } from 'node:url';
import { startService } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';

interface Figures {
  readonly sent: number;
  readonly lost: number;
  readonly late: number;
  readonly exitMs: number;
}

describe('the demo', () => {
  it('ends with one JSON line in which prestop lost nothing and the other lost something', async () => {
    const demo = await startService({
      file: fileURLToPath(new URL('../dist/demo/main.js', import.meta.url)),
      args: ['--json'],
    });
    const { code } = await demo.exited;
    const stdout = demo.lines.filter((line) => line.stream === 'stdout');
    const figures = JSON.parse(stdout.at(-1)?.text ?? '') as { with: Figures; without: Figures };
    expect(stdout).toHaveLength(1);
    expect(figures.with).toMatchObject({ sent: expect.any(Number), lost: 0 });
    expect(figures.with.late).toBeGreaterThan(0);
    expect(figures.with.exitMs).toBeLessThan(5_000);
    expect(figures.without.lost).toBeGreaterThan(0);
    expect(code).toBe(0);
  });
});
