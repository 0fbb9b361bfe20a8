import { effectiveGraceSeconds, secondsUntilKill } from '@prestop/testkit';
import { caseNamed } from './cases/case.ts';
import { showDuration } from './duration.ts';
import type { DrillOrder } from './from-arguments.ts';
import { summaryOf } from './report.ts';
import { titleOf } from './requests/request-line.ts';
import { scheduleOf } from './schedule.ts';
import type { DrillSettings, HookSetting, HttpTarget, PortSlot, ReadinessSetting, RestartProbe } from './settings.ts';

const SHOWN_REQUESTS = 5;

/** What a drill would do, in words, with its arithmetic and the beginning of its schedule. */
export function dryRun({ settings, compared, notes }: DrillOrder): string {
  const { service, load, seed, faults } = settings;
  const summary = summaryOf(settings);
  const total = load.requests.reduce((sum, { weight }) => sum + weight, 0);
  const share = (weight: number): string => `${Math.round((weight / total) * 100)} %`;
  const rows: readonly (readonly [string, string])[] = [
    ...notes.map((note) => ['note', note] as const),
    ['command', service.command.join(' ')],
    ...(compared === undefined ? [] : [['compared', compared.service.command.join(' ')] as const]),
    ['pods', `${settings.replicas}, and a new one before each is stopped`],
    ['ports', service.ports.map(portWords).join(', ')],
    ...restartRow('started', service.startup, service.ports),
    ['ready', readinessWords(service.readiness, service.ports)],
    ...restartRow('alive', service.liveness, service.ports),
    ['hook', hookWords(service.hook, service.ports)],
    ['grace', graceWords(service.graceSeconds)],
    [
      'callers',
      `${load.callers} (${load.clients.join(', ')}), a pause of ${showDuration(load.thinkMs)} between requests`,
    ],
    [
      'discovery',
      service.registryDirSetting === undefined ? 'endpoints' : `file registry in ${service.registryDirSetting}`,
    ],
    ['lag', summary.lag],
    ...summary.requests.map(({ request, weight }) => ['request', `${share(weight)} ${request}`] as const),
    ...settings.cases.map((name) => ['case', `${name}: ${caseNamed(name).summary}`] as const),
    ...faults.map(({ name }) => ['fault', name] as const),
    ['schedule', `seed ${seed}, ${summary.schedule}`],
    ...scheduleRows(settings),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${rows.map(([name, words]) => `${name.padEnd(width)}  ${words}`).join('\n')}\n`;
}

function scheduleRows({ load, seed }: DrillSettings): (readonly [string, string])[] {
  return scheduleOf(load, seed, 0, SHOWN_REQUESTS).map(({ pauseMs, request }, index) => [
    index === 0 ? 'caller 0' : '',
    `${pauseMs.toFixed(1).padStart(6)} ms, then ${titleOf({ method: 'GET', ...request })}`,
  ]);
}

function graceWords(seconds: number): string {
  const grace = effectiveGraceSeconds(seconds);
  const least = secondsUntilKill(grace, grace * 1000);
  return `${grace} s: SIGTERM when the hook has ended, after ${grace} s at the latest; SIGKILL ${grace} s after the deletion, and not sooner than ${least} s after SIGTERM`;
}

function portWords({ settings, declared }: PortSlot): string {
  const by = settings.length === 0 ? 'listen()' : settings.join(' and ');
  return declared === undefined ? by : `${declared} by ${by}`;
}

function hookWords(hook: HookSetting, ports: readonly PortSlot[]): string {
  switch (hook.kind) {
    case 'auto':
      return 'GET /prestop on the second port, if the service listens there';
    case 'path':
      return `${titleOf({ method: 'GET', path: hook.path })} on the second port, if the SDK's admin server listens there, or else on ${slotWords(0, ports)}`;
    case 'none':
      return 'none';
    case 'sleep':
      return `sleep ${showDuration(hook.seconds * 1000)}`;
    case 'exec':
      return hook.command.join(' ');
    case 'http':
      return targetWords(hook, ports);
  }
}

function readinessWords(readiness: ReadinessSetting, ports: readonly PortSlot[]): string {
  switch (readiness.kind) {
    case 'auto':
      return 'the first port accepts connections, and /readyz on the second, if the service listens there';
    case 'tcp':
      return `${slotWords(readiness.slot ?? 0, ports)} accepts connections`;
    case 'http':
      return targetWords(readiness, ports);
  }
}

function restartRow(
  name: string,
  probe: RestartProbe | undefined,
  ports: readonly PortSlot[],
): readonly (readonly [string, string])[] {
  return probe === undefined ? [] : [[name, readinessWords(probe.asks, ports)]];
}

function targetWords({ slot, path, scheme = 'HTTP' }: HttpTarget, ports: readonly PortSlot[]): string {
  return `${titleOf({ method: 'GET', path })} on ${slotWords(slot, ports)}${scheme === 'HTTPS' ? ', over TLS' : ''}`;
}

function slotWords(slot: number, ports: readonly PortSlot[]): string {
  const port = ports[slot];
  return port === undefined ? `port ${slot + 1}` : portWords(port);
}
