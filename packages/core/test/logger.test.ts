import { describe, expect, test } from 'vitest';
import { EVENT_NAMES, EventHub } from '../src/events.ts';
import { jsonLogger, type Logger, logEvents } from '../src/logger.ts';
import { FakeClock } from './support/fake-clock.ts';
import { SAMPLE_EVENTS } from './support/sample-events.ts';

function lines(): { readonly text: string[]; readonly emit: () => void } {
  const text: string[] = [];
  const events = new EventHub();
  logEvents(
    events,
    jsonLogger(new FakeClock(), (line) => text.push(line)),
  );
  return {
    text,
    emit: () => {
      for (const name of EVENT_NAMES) events.emit(name, SAMPLE_EVENTS[name] as never);
    },
  };
}

describe('the lines', () => {
  test('one JSON object a line, one line an event, and none for late requests, of which there may be thousands', () => {
    const { text, emit } = lines();
    emit();
    const parsed = text.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(text.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
    expect(parsed.map(({ event }) => event)).toEqual(EVENT_NAMES.filter((name) => name !== 'lateRequest'));
  });

  test('each begins with when, how loud, who and what', () => {
    const { text, emit } = lines();
    emit();
    for (const line of text) {
      expect(Object.keys(JSON.parse(line) as object).slice(0, 4)).toEqual(['time', 'level', 'name', 'message']);
      expect(JSON.parse(line)).toMatchObject({ time: '2026-01-02T03:04:05.678Z', name: 'prestop' });
    }
  });

  test('the levels: what an operator must look at is not `info`', () => {
    const { text, emit } = lines();
    emit();
    // The closer of this list has failed; one that ended well is `info`.
    const levels = Object.fromEntries(
      text
        .map((line) => JSON.parse(line) as { event: string; level: string })
        .map(({ event, level }) => [event, level]),
    );
    expect(Object.keys(levels).filter((event) => levels[event] === 'error')).toEqual([
      'cut',
      'heldCut',
      'closed',
      'refused',
      'failed',
      'startFailed',
    ]);
    expect(Object.keys(levels).filter((event) => levels[event] === 'warn')).toEqual([
      'registrationFailed',
      'deregistrationFailed',
      'reappeared',
      'resumed',
      'warning',
    ]);
  });

  test('errors are printed by their message, and a report is one field of one line', () => {
    const { text, emit } = lines();
    emit();
    const line = (name: string) => text.map((one) => JSON.parse(one)).find(({ event }) => event === name);
    expect(line('registrationFailed')).toMatchObject({ error: 'connection refused', retryInMs: 150 });
    expect(line('closed')).toMatchObject({ closer: 'pool', error: 'connection refused' });
    expect(line('report')).toMatchObject({ message: 'termination report', report: { outcome: 'clean' } });
    expect(line('warning')).toMatchObject({ code: 'PACKAGE_MANAGER', message: 'started by npm' });
  });
});

test('a logger of the user gets the fields and a sentence, as pino does', () => {
  const calls: [string, object, string][] = [];
  const log = (level: string) => (fields: object, message: string) => calls.push([level, fields, message]);
  const logger = { info: log('info'), warn: log('warn'), error: log('error') } as Logger;
  const events = new EventHub();
  logEvents(events, logger);
  events.emit('resumed', SAMPLE_EVENTS.resumed);
  expect(calls).toEqual([['warn', { event: 'resumed', waitedMs: 10_000 }, 'no signal followed /prestop: ready again']]);
});

test('a logger that throws changes nothing else', () => {
  const events = new EventHub();
  const fail = (): never => {
    throw new Error('disk full');
  };
  logEvents(events, { info: fail, warn: fail, error: fail });
  const phases: unknown[] = [];
  events.on('phase', (event) => phases.push(event));
  events.emit('phase', SAMPLE_EVENTS.phase);
  expect(phases).toHaveLength(1);
});

test('a closer that ended well is no error', () => {
  const text: string[] = [];
  const events = new EventHub();
  logEvents(
    events,
    jsonLogger(new FakeClock(), (line) => text.push(line)),
  );
  events.emit('closed', { closer: 'pool', outcome: 'done', ms: 3 });
  expect(text.map((line) => JSON.parse(line))).toMatchObject([{ level: 'info', event: 'closed', closer: 'pool' }]);
});
