import type { ProbeTarget, Service } from '@prestop/testkit';
import { showDuration } from './duration.ts';
import { DrillError } from './errors.ts';
import { exitWords } from './exit-words.ts';
import { listeningPorts } from './listening-ports.ts';
import { titleOf } from './requests/request-line.ts';
import type { PortSlot, ServiceSetting } from './settings.ts';

const SHOWN_LINES = 20;

export type AskedProbe = 'startup' | 'readiness' | 'liveness';

export interface FailedProbe extends ProbeTarget {
  readonly probe: AskedProbe;
}

/** Why a service is not ready, with what it said and where it listens instead. */
export async function notReady(
  running: Service,
  service: ServiceSetting,
  failed: FailedProbe,
  outcome: 'ended' | 'timeout',
): Promise<DrillError> {
  const { path, port, probe } = failed;
  const failure =
    path === undefined
      ? `port ${port} accepts no connection`
      : `no 2xx or 3xx from ${titleOf({ method: 'GET', path })} on ${port}`;
  const asked = probe === 'readiness' ? failure : `its ${probe} probe fails: ${failure}`;
  const why =
    outcome === 'ended'
      ? `ended with ${exitWords(await running.exited)} before it was ready`
      : `was not ready after ${showDuration(service.startTimeoutMs)} (--start-timeout): ${asked}`;
  const hint = outcome === 'ended' ? told(service) : await whatInstead(running, service, failed);
  return new DrillError('ERR_PRESTOP_DRILL_SERVICE', `${service.command.join(' ')} ${why}. ${lastOutput(running)}`, {
    hint,
  });
}

/** The last lines of what a service said, in a sentence. */
export function lastOutput({ lines }: Service): string {
  const output = lines.slice(-SHOWN_LINES).map(({ stream, text }) => `    ${stream}: ${text}`);
  return output.length === 0 ? 'It said nothing.' : `Its last output:\n${output.join('\n')}`;
}

async function whatInstead(
  running: Service,
  service: ServiceSetting,
  { path, port, probe }: FailedProbe,
): Promise<string> {
  const ports = await listeningPorts(running.pid);
  if (ports.length === 0 || (ports.includes(port) && path === undefined)) return told(service);
  if (ports.includes(port)) {
    return probe === 'readiness'
      ? 'it listens there; --ready says what to ask instead, or tcp'
      : `it listens there: the ${probe}Probe of the manifest asks for what it does not answer, for which the kubelet restarts it`;
  }
  const [other] = ports;
  if (service.ports.some(({ declared }) => declared === other)) {
    return `it listens on ${other} all the same: only Node can be given another port than the one in the code; let it read a setting`;
  }
  return `it listens on ${ports.join(' and ')} instead: -p ${other} gives it a free port in that place; ${told(service)}`;
}

function told({ ports }: ServiceSetting): string {
  return `every pod gets ports of its own, here ${ports.map(slotWords).join(', ')}; --port says how the service takes them`;
}

function slotWords({ settings, declared }: PortSlot): string {
  const by = settings.length === 0 ? '' : `by ${settings.join(' and ')}`;
  if (declared === undefined) return by;
  return `${by}${by === '' ? '' : ' and '}in the place of ${declared}`;
}
