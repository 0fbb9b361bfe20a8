import type { Clock } from './clock.ts';
import { EVENT_NAMES, type EventHub, type LifecycleEventName } from './events.ts';

/** Where log lines go: an object with the fields, then a sentence. pino and its like fit as they are. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Level = keyof Logger;

/** Writes one JSON object a line to stdout, which is what container log collectors read. */
export function jsonLogger(clock: Clock, write: (line: string) => void = writeLine): Logger {
  const log =
    (level: Level) =>
    (fields: object, message: string): void =>
      write(`${JSON.stringify({ time: clock.date().toISOString(), level, name: 'prestop', message, ...fields })}\n`);
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function writeLine(line: string): void {
  process.stdout.write(line);
}

/** How loud an event is, and how it reads. `lateRequest` is left to the report: there may be thousands. */
const LINES: Partial<Record<LifecycleEventName, readonly [Level, string]>> = {
  phase: ['info', 'phase changed'],
  terminating: ['info', 'termination began'],
  joined: ['info', 'joined the running termination'],
  registered: ['info', 'registered'],
  registrationFailed: ['warn', 'registering failed, trying again'],
  deregistrationFailed: ['warn', 'deregistering failed'],
  deregistered: ['info', 'deregistration settled'],
  reappeared: ['warn', 'the instance was back in the registry, removing it again'],
  cut: ['error', 'a request was cut'],
  heldCut: ['error', 'held work was cut'],
  closed: ['info', 'a closer ended'],
  resumed: ['warn', 'no signal followed /prestop: ready again'],
  refused: ['error', 'a call was REFUSED and nothing was changed; the kubelet takes a refusal for success'],
  failed: ['error', 'the service declared a failure: /livez fails'],
  warning: ['warn', 'warning'],
  startFailed: ['error', 'starting failed'],
  report: ['info', 'termination report'],
};

/** Subscribes a logger to every event that is worth a line. */
export function logEvents(events: EventHub, logger: Logger): void {
  for (const name of EVENT_NAMES) {
    const line = LINES[name];
    if (line === undefined) continue;
    const [ordinary, message] = line;
    events.on(name, (event) => {
      const level = 'closer' in event && event.outcome !== 'done' ? 'error' : ordinary;
      logger[level]({ event: name, ...printable(event) }, message);
    });
  }
}

/** Errors as their messages: JSON would make `{}` of them. */
function printable(event: object): object {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  );
}
