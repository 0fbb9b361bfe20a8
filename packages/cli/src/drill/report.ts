import { availableParallelism } from 'node:os';
import type { CaseName } from './cases/case.ts';
import type { FaultName } from './faults/fault.ts';
import { showLag } from './lag.ts';
import { titleOf } from './requests/request-line.ts';
import type { ServiceResult, Verdict } from './result.ts';
import { scheduleDigest } from './schedule.ts';
import type { DrillSettings } from './settings.ts';

/** Version of the report's shape. */
export const DRILL_REPORT_VERSION = 1;

/** The account of a drill, as `--json` prints it. Times in milliseconds. */
export interface DrillReport {
  readonly version: typeof DRILL_REPORT_VERSION;
  /** Of the command `prestop`. */
  readonly toolVersion: string;
  /** Wall time, ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly machine: { readonly node: string; readonly platform: string; readonly arch: string; readonly cpus: number };
  readonly settings: SettingsSummary;
  /** Of the first service, which decides. */
  readonly verdict: Verdict;
  /** One, or two that were compared. */
  readonly services: readonly ServiceResult[];
}

/** What was asked for, without settings and headers, which may hold secrets. */
export interface SettingsSummary {
  readonly seed: number;
  /** Of the first case: the same for the same requests, pauses and lags. Requests that were left out are not in it. */
  readonly schedule: string;
  readonly graceSeconds: number;
  readonly replicas: number;
  readonly callers: number;
  readonly thinkMs: number;
  readonly clients: readonly string[];
  /** In words. */
  readonly lag: string;
  /** `GET /slow`, without the values of queries, with their weights. */
  readonly requests: readonly { readonly request: string; readonly weight: number }[];
  readonly cases: readonly CaseName[];
  readonly faults: readonly FaultName[];
  /** Where callers look: a list that follows the endpoints, or the file registry. */
  readonly discovery: 'endpoints' | 'file';
}

export function summaryOf(settings: DrillSettings): SettingsSummary {
  const { load, service, seed } = settings;
  return {
    seed,
    schedule: scheduleDigest(load, seed),
    graceSeconds: service.graceSeconds,
    replicas: settings.replicas,
    callers: load.callers,
    thinkMs: load.thinkMs,
    clients: load.clients,
    lag: showLag(load.lag),
    requests: load.requests.map((request) => ({ request: titleOf(request), weight: request.weight })),
    cases: settings.cases,
    faults: settings.faults.map(({ name }) => name),
    discovery: service.registryDirSetting === undefined ? 'endpoints' : 'file',
  };
}

export interface DrillRun {
  readonly toolVersion: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly settings: DrillSettings;
  readonly first: ServiceResult;
  readonly compared: ServiceResult | undefined;
}

export function reportFor({ toolVersion, startedAt, durationMs, settings, first, compared }: DrillRun): DrillReport {
  const schedule = first.cases[0]?.schedule;
  return {
    version: DRILL_REPORT_VERSION,
    toolVersion,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
    machine: {
      node: process.version,
      platform: process.platform,
      arch: process.arch,
      cpus: availableParallelism(),
    },
    settings: { ...summaryOf(settings), ...(schedule === undefined ? {} : { schedule }) },
    verdict: first.verdict,
    services: compared === undefined ? [first] : [first, compared],
  };
}
