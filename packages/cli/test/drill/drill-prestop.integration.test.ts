import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CASE_NAMES } from '../../src/drill/cases/case.ts';
import { drilled, fixture, outcomes } from './support/drill.ts';

const COMMAND = ['node', fixture('prestop.mjs')];
const REQUESTS = ['-r', '8x GET /', '-r', 'GET /slow', '-r', 'POST /upload {"a":1}'];
const SEEDS = [1, 2, 3];
/** Their own tests: they take time away that callers need. */
const WHOLE = CASE_NAMES.filter((name) => name !== 'force-delete');

describe.each([
  { discovery: 'endpoints', options: [] },
  { discovery: 'the file registry', options: ['--registry', 'file:REGISTRY_DIR'] },
])('a service with the SDK loses nothing: $discovery', ({ options }) => {
  it.each(WHOLE)('%s', { timeout: 120_000 }, async (name) => {
    const { code, result } = await drilled([...options, ...REQUESTS, '--case', name], COMMAND);
    expect(result.losses, JSON.stringify(result.pods[0]?.report)).toEqual([]);
    expect(Object.values(outcomes(result))).not.toContain('fail');
    expect(code).toBe(0);
    expect(result.pods[0]?.late.count).toBeGreaterThan(10);
  });

  it('a rolling update of two pods, with all that may happen beside it', { timeout: 120_000 }, async () => {
    const faults = ['--fault', 'all', '--fault', 'open-stream=GET /events'];
    const { code, result } = await drilled([...options, ...REQUESTS, ...faults, '--replicas', '2'], COMMAND);
    expect(result.losses).toEqual([]);
    expect(result.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(result.pods.map(({ name }) => name)).toEqual(['pod-1', 'pod-2']);
    expect(result.pods[0]?.phases.map(({ phase }) => phase)).toContain('lame-duck');
  });

  it.each(SEEDS)('and every distribution of lags, seed %i', { timeout: 120_000 }, async (seed) => {
    const lags = ['fixed:1500ms', 'uniform:500ms-2s', 'exponential:400ms/3s'];
    const lag = lags[seed % lags.length] ?? '1s';
    const { result } = await drilled([...options, ...REQUESTS, '--lag', lag, '--seed', String(seed)], COMMAND);
    expect(result.losses).toEqual([]);
    expect(result.verdict).toBe('passed');
  });
});

it('a forced deletion loses nothing of callers that learn within its time', { timeout: 60_000 }, async () => {
  const { result } = await drilled([...REQUESTS, '--case', 'force-delete', '--lag', '500ms'], COMMAND);
  expect(result.losses).toEqual([]);
  expect(result.pods[0]?.timeline).toMatchObject({ killed: false });
});

it('a service whose ports nobody can set is drilled with its hook, several pods beside each other', async () => {
  const command = ['node', fixture('prestop-on-fixed-ports.mjs')];
  const { code, report, result } = await drilled(['--port', '3000', '--replicas', '2'], command);
  expect(report.services[0]?.hook).toBe('GET /prestop');
  expect(result.losses).toEqual([]);
  expect(code).toBe(0);
});

it('--hook with a path alone asks the admin server', async () => {
  const { report, result } = await drilled(['--hook', '/prestop', '-r', 'GET /slow'], COMMAND);
  expect(report.services[0]?.hook).toBe('GET /prestop');
  expect(result.pods[0]?.phases.map(({ phase }) => phase)).toContain('lame-duck');
  expect(result.verdict).toBe('passed');
});

it.each(['rolling', 'hook-only'])('an admin server that comes late has the hook all the same: %s', async (name) => {
  const { report, result } = await drilled(['--case', name], ['node', fixture('late-admin.mjs')]);
  expect(report.services[0]?.hook).toBe('GET /prestop');
  expect(outcomes(result)).toMatchObject({ hook: 'pass', answered: 'pass' });
});

it('an admin server is looked for on each pod when that is stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prestop-late-admin-'));
  try {
    const options = ['--replicas', '2', '--env', `PREDECESSOR=${join(folder, 'stopped')}`];
    const { result } = await drilled(options, ['node', fixture('late-admin.mjs')]);
    expect(result.pods.map(({ timeline }) => timeline.hook?.status)).toEqual([undefined, 200]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
