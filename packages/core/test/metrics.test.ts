import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METRICS, openMetrics } from '../src/metrics.ts';
import type { LifecycleStatus } from '../src/status.ts';

const status: LifecycleStatus = {
  phase: 'lame-duck',
  ready: false,
  live: true,
  inFlight: 3,
  answered: 1_200,
  late: 7,
  connections: { idle: 4, active: 3 },
  held: 2,
  registries: { consul: 'confirmed', 'odd "name"\n': 'registered' },
  remainingMs: 12_500,
};

describe('openMetrics', () => {
  it('writes every metric once, typed and explained, and ends with EOF', () => {
    const lines = openMetrics(status).split('\n');
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    for (const { name, type, help } of METRICS) {
      expect(lines.filter((line) => line === `# TYPE ${name} ${type}`)).toHaveLength(1);
      expect(lines).toContain(`# HELP ${name} ${help}`);
    }
  });

  it('gives the values of the status, in seconds where a unit says so', () => {
    const lines = openMetrics(status).split('\n');
    expect(lines).toContain('prestop_phase{prestop_phase="lame-duck"} 1');
    expect(lines).toContain('prestop_phase{prestop_phase="ready"} 0');
    expect(lines).toContain('prestop_ready 0');
    expect(lines).toContain('prestop_requests_in_flight 3');
    expect(lines).toContain('prestop_requests_answered_total 1200');
    expect(lines).toContain('prestop_requests_late 7');
    expect(lines).toContain('prestop_work_held 2');
    expect(lines).toContain('prestop_connections{kind="idle"} 4');
    expect(lines).toContain('prestop_connections{kind="upgraded"} 0');
    expect(lines).toContain('# UNIT prestop_termination_remaining_seconds seconds');
    expect(lines).toContain('prestop_termination_remaining_seconds 12.5');
    expect(lines).toContain('prestop_registered{registry="consul"} 0');
  });

  it('escapes label values', () => {
    expect(openMetrics(status)).toContain('prestop_registered{registry="odd \\"name\\"\\n"} 1\n');
  });

  it('leaves the remaining time out when no termination runs', () => {
    expect(openMetrics({ ...status, remainingMs: null })).not.toMatch(/^prestop_termination_remaining_seconds /m);
  });

  it('is documented metric by metric', () => {
    const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `(?<name>\w+)` \| (?<type>\w+) \|/gm)].map(({ groups }) => groups);
    expect(documented).toEqual(METRICS.map(({ name, type }) => ({ name, type })));
  });
});
