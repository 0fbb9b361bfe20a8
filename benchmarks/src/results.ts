import type { IdleMemoryRow } from './cost/idle-memory.ts';
import type { ImportTimeRow } from './cost/import-time.ts';
import type { InstallSizeRow } from './cost/install-size.ts';
import type { RequestPathRow } from './cost/request-path.ts';
import type { Machine } from './machine.ts';
import type { RolloutRow } from './rollout.ts';
import type { Estimate } from './statistics.ts';

/** One part of the benchmark, with the machine that it ran on. */
export interface Section<Row> {
  readonly machine: Machine;
  readonly rows: readonly Row[];
  /** The command line, so that it can be run again. */
  readonly command: string;
}

/** All parts that have been run. */
export interface Results {
  readonly rollout?: Section<RolloutRow>;
  readonly requestPath?: Section<RequestPathRow>;
  readonly memory?: Section<IdleMemoryRow>;
  readonly imports?: Section<ImportTimeRow>;
  readonly install?: Section<InstallSizeRow>;
}

/** Something that must hold, and whether it does. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  readonly detail: string;
}

const isOurs = (contestant: string): boolean => contestant.startsWith('prestop');
const seconds = (ms: number): string => (Number.isFinite(ms) ? (ms / 1000).toFixed(ms < 9_950 ? 1 : 0) : '-');

/** The page `RESULTS.md`. */
export function markdown(results: Results): string {
  const parts = [
    '# prestop beside its peers',
    '',
    'Written by `npm run bench`; every part says on which machine. Ratios and counts are what to look at: absolute times',
    'belong to the machine. How each contestant is set up is in `benchmarks/servers/`, one file each.',
    '',
    ...claimLines(claims(results)),
    ...(results.rollout ? rolloutPart(results.rollout) : []),
    ...(results.requestPath ? requestPathPart(results.requestPath) : []),
    ...(results.memory ? memoryPart(results.memory) : []),
    ...(results.imports ? importPart(results.imports) : []),
    ...(results.install ? installPart(results.install) : []),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

/** What must hold; a claim whose part was not run is left out. */
export function claims({ rollout, requestPath }: Results): Claim[] {
  return [...(rollout ? rolloutClaims(rollout.rows) : []), ...(requestPath ? costClaims(requestPath.rows) : [])];
}

function rolloutClaims(rows: readonly RolloutRow[]): Claim[] {
  const ours = rows.filter(({ contestant }) => isOurs(contestant));
  const lost = ours.reduce((sum, row) => sum + row.lost, 0);
  const sent = ours.reduce((sum, row) => sum + row.sent, 0);
  const losers = rows.filter((row) => !isOurs(row.contestant) && row.lost > 0);
  const slower: string[] = [];
  for (const [key, group] of grouped(rows, ({ protocol, lagSeconds }) => `${protocol}, lag ${lagSeconds} s`)) {
    const lossless = group.filter((row) => row.lost === 0);
    const best = Math.min(...lossless.filter(({ contestant }) => isOurs(contestant)).map(({ exitMs }) => exitMs));
    for (const row of lossless) {
      if (isOurs(row.contestant) || row.exitMs >= best) continue;
      slower.push(`${key}: ${row.title} took ${seconds(row.exitMs)} s, prestop ${seconds(best)} s`);
    }
  }
  return [
    { claim: 'prestop loses nothing at any lag', holds: lost === 0, detail: `${lost} lost of ${sent}` },
    {
      claim: 'the others lose',
      holds: losers.length > 0,
      detail: `${losers.length} of ${rows.length - ours.length} rows lost at least one request`,
    },
    {
      claim: 'of all that lose nothing, prestop exits first, at every lag',
      holds: slower.length === 0,
      detail: slower.length === 0 ? 'no row is both lossless and sooner' : slower.join('; '),
    },
  ];
}

const COST_LIMIT = 1.03;
const PEER_LIMIT = 0.02;

function costClaims(rows: readonly RequestPathRow[]): Claim[] {
  return (['express', 'http'] as const).flatMap((framework) => {
    const measured = rows.filter((row) => row.framework === framework);
    const own = measured.find(({ contestant }) => contestant === 'prestop')?.cpu.median;
    const peers = measured.filter(({ contestant }) => contestant !== 'prestop' && contestant !== 'none');
    if (own === undefined || peers.length === 0) return [];
    const [cheapest] = peers.toSorted((left, right) => left.cpu.median - right.cpu.median);
    const least = cheapest?.cpu.median ?? 1;
    const bare = framework === 'express' ? 'bare Express' : 'bare node:http';
    return [
      ...(framework === 'express'
        ? [
            {
              claim: 'a request costs at most 3 % more processor time than with bare Express',
              holds: own <= COST_LIMIT,
              detail: `${percent(own)} in the paired median`,
            },
          ]
        : []),
      {
        claim: `and at most 2 % more than with the cheapest peer, against ${bare}`,
        holds: own <= least + PEER_LIMIT,
        detail: `prestop ${percent(own)}, ${cheapest?.title ?? 'nobody'} ${percent(least)}`,
      },
    ];
  });
}

function claimLines(list: readonly Claim[]): string[] {
  if (list.length === 0) return [];
  return [
    '| must hold | does it | |',
    '|---|---|---|',
    ...list.map(({ claim, holds, detail }) => `| ${claim} | ${holds ? 'yes' : '**no**'} | ${detail} |`),
    '',
  ];
}

function rolloutPart({ machine, rows, command }: Section<RolloutRow>): string[] {
  const runs = rows[0]?.runs ?? 0;
  const lines = [
    '## Rolling update',
    '',
    'A pod is deleted while another one is up: lost requests, and the seconds from deletion to exit (median). Callers learn',
    `evenly up to the lag that heads the column; ${runs} ${runs === 1 ? 'run' : 'runs'} a cell, each with a seed of its own. \`+ 5 s\` is a \`preStop\` sleep of`,
    'the kubelet, or the pause that the library has for it. **Bold**: lost nothing.',
    '',
  ];
  for (const [protocol, group] of grouped(rows, (row) => row.protocol)) {
    const lags = [...new Set(group.map(({ lagSeconds }) => lagSeconds))];
    lines.push(
      `### ${protocol}`,
      '',
      `| | ${lags.map((lag) => `${lag} s`).join(' | ')} |`,
      `|---|${lags.map(() => '---|').join('')}`,
    );
    for (const [title, cells] of grouped(group, (row) => row.title)) {
      const texts = lags.map((lag) => cell(cells.find(({ lagSeconds }) => lagSeconds === lag)));
      lines.push(`| ${title} | ${texts.join(' | ')} |`);
    }
    lines.push('');
  }
  return [...lines, ...about(machine, command)];
}

function cell(row: RolloutRow | undefined): string {
  if (row === undefined) return '';
  const killed = row.killed > 0 ? ', killed' : '';
  const text = `${row.lost} lost, ${seconds(row.exitMs)} s${killed}`;
  return row.lost === 0 ? `**${text}**` : text;
}

function requestPathPart({ machine, rows, command }: Section<RequestPathRow>): string[] {
  const lines = [
    '## The path of a request',
    '',
    'Processor time of a request and requests a second, divided by those of the same service without the library, which is',
    'up beside it: paired rounds in the order without, with, with, without. Median, and the bounds of 95 %. The first line',
    'says how exact this is.',
    '',
  ];
  for (const [framework, group] of grouped(rows, (row) => row.framework)) {
    lines.push(
      framework === 'express' ? '### Against bare Express' : '### Against bare node:http',
      '',
      '| | processor time | throughput |',
      '|---|---|---|',
      ...group.map(({ title, cpu, throughput }) => `| ${title} | ${ratio(cpu)} | ${ratio(throughput)} |`),
      '',
    );
  }
  return [...lines, ...about(machine, command)];
}

function memoryPart({ machine, rows, command }: Section<IdleMemoryRow>): string[] {
  const bare = rows.find(({ contestant }) => contestant === 'none')?.heapEach ?? Number.NaN;
  const connections = rows[0]?.connections ?? 0;
  return [
    '## Idle connections',
    '',
    `Objects and buffers of ${connections} connections that were used once and are kept alive.`,
    '',
    '| | octets each | against bare node:http | MiB of the process |',
    '|---|---|---|---|',
    ...rows.map(
      ({ title, heapEach, rssEach }) =>
        `| ${title} | ${Math.round(heapEach)} | ${percent(heapEach / bare)} | ${((rssEach * connections) / 1024 ** 2).toFixed(1)} |`,
    ),
    '',
    ...about(machine, command),
  ];
}

function importPart({ machine, rows, command }: Section<ImportTimeRow>): string[] {
  const own = rows.find(({ contestant }) => contestant === 'prestop')?.ms.median ?? Number.NaN;
  return [
    '## Import',
    '',
    'What a service imports of each, in a fresh process. For fastify and NestJS that is the framework itself.',
    '',
    '| | ms | of prestop |',
    '|---|---|---|',
    ...rows.map(
      ({ title, ms }) =>
        `| ${title} | ${ms.median.toFixed(0)} (${ms.low.toFixed(0)}–${ms.high.toFixed(0)}) | × ${(ms.median / own).toFixed(1)} |`,
    ),
    '',
    ...about(machine, command),
  ];
}

function installPart({ machine, rows, command }: Section<InstallSizeRow>): string[] {
  return [
    '## Install',
    '',
    'Packages and their files, dependencies included. For fastify and NestJS that is the framework itself.',
    '',
    '| | packages | KiB |',
    '|---|---|---|',
    ...rows.map(({ title, packages, bytes }) => `| ${title} | ${packages} | ${Math.round(bytes / 1024)} |`),
    '',
    ...about(machine, command),
  ];
}

function about({ date, node, system, processor, processors, memoryGiB, versions }: Machine, command: string): string[] {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `<sub>${date}, \`${command}\`. Node ${node}, ${system}, ${processors} × ${processor}, ${memoryGiB} GiB. ${list.join(', ')}.</sub>`,
    '',
  ];
}

function ratio({ median, low, high }: Estimate): string {
  return `${percent(median)} (${percent(low)} to ${percent(high)})`;
}

/** `+2.1 %` */
function percent(value: number): string {
  const change = (value - 1) * 100;
  return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(1)} %`;
}

function grouped<Row, Key>(rows: readonly Row[], key: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row)) ?? [];
    group.push(row);
    groups.set(key(row), group);
  }
  return groups;
}
