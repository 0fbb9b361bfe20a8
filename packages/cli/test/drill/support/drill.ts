import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { DrillReport } from '../../../src/drill/report.ts';
import type { CaseResult } from '../../../src/drill/result.ts';
import { prestop } from '../../support/io.ts';

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Enough to be sure, and short; for what a test does not say itself. */
const SMALL = { '--callers': '20', '--think': '20ms', '--lag': '800ms', '--warm-up': '300ms' };

export interface Drilled {
  readonly code: number;
  readonly report: DrillReport;
  /** The only case of the first service. */
  readonly result: CaseResult;
  readonly stderr: string;
}

/** Runs `prestop drill` in this process. */
export async function drilled(options: readonly string[], command: readonly string[]): Promise<Drilled> {
  const small = Object.entries(SMALL).filter(([name]) => !options.includes(name));
  const line = ['drill', ...small.flat(), ...options, '--json', '--', ...command];
  const { code, stdout, stderr } = await prestop(line);
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as DrillReport;
  const result = report.services[0]?.cases[0];
  if (result === undefined) throw new Error(stdout);
  return { code, report, result, stderr };
}

/** Drills the fixture whose stop behaves as `onStop` says. */
export function drilledService(onStop: string, ...options: readonly string[]): Promise<Drilled> {
  return drilled(['-e', `ON_STOP=${onStop}`, ...options], ['node', fixture('service.mjs')]);
}

/** Outcomes of the checks by id. */
export function outcomes({ checks }: CaseResult): Record<string, string> {
  return Object.fromEntries(checks.map(({ id, outcome }) => [id, outcome]));
}

/** Kinds of loss, the most frequent first. */
export function kinds({ losses }: CaseResult): string[] {
  return losses.map(({ kind }) => kind);
}
