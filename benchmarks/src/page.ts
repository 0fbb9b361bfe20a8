import { type Claim, claims, isTold, soonerThanOurs } from './claims.ts';
import { CONTESTANTS } from './contestants.ts';
import type { IdleMemoryRow } from './cost/idle-memory.ts';
import type { RequestPathRow } from './cost/request-path.ts';
import type { Machine } from './machine.ts';
import { grouped, percent, type Results, type Section, seconds } from './results.ts';
import type { RolloutRow } from './rollout.ts';
import type { ImportTimeRow } from './startup/import-time.ts';
import type { InstallSizeRow } from './startup/install-size.ts';
import type { Estimate } from './statistics.ts';

/** The page `RESULTS.md`. */
export function page(results: Results): string {
  const { rollout, requestPath, memory, imports, install } = results;
  const parts = [
    '# prestop beside its peers',
    '',
    'Written by `npm run bench`. Look at counts and ratios: absolute times belong to the machine that is named below each part.',
    '',
    ...claimTable(claims(results)),
    ...(rollout ? rolloutPart(rollout) : []),
    ...(requestPath ? requestPathPart(requestPath) : []),
    ...(memory ? memoryPart(memory) : []),
    ...(imports ? importPart(imports) : []),
    ...(install ? installPart(install) : []),
    ...setups(),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

function claimTable(list: readonly Claim[]): string[] {
  if (list.length === 0) return [];
  const rows = list.map(({ claim, holds, detail }) => [claim, holds ? 'yes' : '**no**', detail]);
  return [...table(['what must hold', 'does it', ''], rows), ''];
}

function rolloutPart({ machine, rows, command }: Section<RolloutRow>): string[] {
  const lines = [
    '## Rolling update',
    '',
    'A pod is deleted while another one is up. Callers learn of it evenly up to the lag that heads the column: with 5 s, a',
    'fifth of them in each second, and the last one after 5 s. A cell says how many requests were lost and how many seconds',
    'passed from the deletion to the exit; **bold** where nothing was lost. Nobody can leave sooner than the lag and lose',
    'nothing. `+ 5 s` is a `preStop` sleep of the kubelet, or the pause that the library has for it.',
    '',
  ];
  for (const [protocol, group] of grouped(rows, (row) => row.protocol)) {
    const lags = [...new Set(group.map(({ lagSeconds }) => lagSeconds))];
    const cells = [...grouped(group, (row) => row.title)].map(([title, ofTitle]) => [
      title,
      ...lags.map((lag) => cell(ofTitle.find(({ lagSeconds }) => lagSeconds === lag))),
    ]);
    lines.push(`### ${protocol}`, '', ...table(['lag', ...lags.map((lag) => `${lag} s`)], cells), '');
  }
  return [...lines, ...runs(rows), ...told(rows), ...about(machine, command)];
}

function runs(rows: readonly RolloutRow[]): string[] {
  const most = Math.max(...rows.map((row) => row.runs));
  if (most === 1) return [];
  return [
    `One run a cell, with some hundred requests; ${most} runs, of which the losses are added up and the exit is the median,`,
    'for prestop, for pauses that are the lag itself, and for no pause at a lag of less than a second.',
    '',
  ];
}

function told(rows: readonly RolloutRow[]): string[] {
  const sooner = soonerThanOurs(rows).filter(isTold);
  if (sooner.length === 0) return [];
  return [
    `A pause that is the lag itself got away with it in ${sooner.length} of ${rows.filter(isTold).length} cells, sooner than prestop by the second or so in which`,
    'prestop makes sure that nobody calls any more. It was told the lag, which in a cluster nobody knows; the rows show what it',
    'costs where callers are later than that, and where they are not.',
    '',
  ];
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
    'What a request costs, divided by what it costs the same service without the library. All services are up beside each',
    'other, on one processor, and their caller on another: five processes of the one without and of the one with prestop, of',
    'which the mean is taken, and one of the others. They are measured in turn, for a moment each time, so that a machine that',
    'slows down slows all; V8 is told to collect garbage as often as if they were called without a break. The caller never',
    'sleeps, since to wake it would be work of the services. All are started anew several times, since two processes of the',
    'same code are not equally fast, and each answers thousands of requests before it is measured, since it is compiled',
    'meanwhile. The median of the ratios, and in brackets where it is in 95 of 100 such measurements. The first row is the',
    'service without a library once more: it says how exact the others are. No library makes a request cheaper: where one was',
    'measured below nothing it was chance, and as the cheapest of the others it counts as nothing.',
    '',
    'prestop is attached to the server, and the kubelet asks on a port of its own. The Express middleware, for probes on the',
    "application's port and for `drainSignal`, is one more pass of Express's router, as every middleware is.",
    '',
  ];
  for (const [framework, group] of grouped(rows, (row) => row.framework)) {
    const cells = group.map(({ title, cpu, throughput }) => [title, ratio(cpu), ratio(throughput)]);
    const title = framework === 'express' ? '### Express' : '### node:http';
    lines.push(title, '', ...table(['', 'processor time', 'requests a second'], cells), '');
  }
  return [...lines, ...about(machine, command)];
}

function memoryPart({ machine, rows, command }: Section<IdleMemoryRow>): string[] {
  const bare = rows.find(({ contestant }) => contestant === 'none')?.heapEach ?? Number.NaN;
  const connections = rows[0]?.connections ?? 0;
  const cells = rows.map(({ title, heapEach, rssEach }) => [
    title,
    String(Math.round(heapEach)),
    percent(heapEach / bare),
    ((rssEach * connections) / 1024 ** 2).toFixed(1),
  ]);
  return [
    '## Idle connections',
    '',
    `${connections} connections that were used once and are kept alive.`,
    '',
    ...table(['', 'bytes each, objects and buffers', 'against bare node:http', 'MiB of the process, all'], cells),
    '',
    ...about(machine, command),
  ];
}

function importPart({ machine, rows, command }: Section<ImportTimeRow>): string[] {
  const own = rows.find(({ contestant }) => contestant === 'prestop')?.ms.median ?? Number.NaN;
  const cells = rows.map(({ title, ms }) => [
    title,
    `${ms.median.toFixed(0)} (${ms.low.toFixed(0)} to ${ms.high.toFixed(0)})`,
    `× ${(ms.median / own).toFixed(1)}`,
  ]);
  return [
    '## Import',
    '',
    'What a service imports of each, in a fresh process. For fastify and NestJS that is the framework itself.',
    '',
    ...table(['', 'ms', 'of prestop'], cells),
    '',
    ...about(machine, command),
  ];
}

function installPart({ machine, rows, command }: Section<InstallSizeRow>): string[] {
  const cells = rows.map(({ title, packages, bytes }) => [title, String(packages), String(Math.round(bytes / 1024))]);
  return [
    '## Install',
    '',
    'Packages and their files, dependencies included. For fastify and NestJS that is the framework itself.',
    '',
    ...table(['', 'packages', 'KiB'], cells),
    '',
    ...about(machine, command),
  ];
}

/** Each in the configuration that its own documentation gives. */
function setups(): string[] {
  const rows = CONTESTANTS.map(({ title, setup, source, file }) => [
    `[${title}](servers/${file})`,
    setup,
    `[documentation](${source})`,
  ]);
  return ['## How each is set up', '', ...table(['', 'configuration', 'source'], rows), ''];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)];
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
