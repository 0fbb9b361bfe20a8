import { describe, expect, test } from 'vitest';
import { EVENT_NAMES, EventHub, type LifecycleEvents } from '../src/events.ts';
import { settle } from './support/fake-clock.ts';

const PHASE: LifecycleEvents['phase'] = { from: 'ready', to: 'deregistering', afterMs: 1 };

function hub(): { readonly events: EventHub; readonly warnings: LifecycleEvents['warning'][] } {
  const events = new EventHub();
  const warnings: LifecycleEvents['warning'][] = [];
  events.on('warning', (warning) => warnings.push(warning));
  return { events, warnings };
}

describe('EventHub', () => {
  test('calls the listeners of a name in the order in which they came', () => {
    const { events } = hub();
    const calls: unknown[] = [];
    events.on('phase', (event) => calls.push(['first', event]));
    events.on('phase', (event) => calls.push(['second', event]));
    events.on('resumed', () => calls.push('not this one'));
    events.emit('phase', PHASE);
    expect(calls).toEqual([
      ['first', PHASE],
      ['second', PHASE],
    ]);
  });

  test('the same function subscribed twice is called twice and can be taken off once', () => {
    const { events } = hub();
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    const off = events.on('phase', listener);
    events.on('phase', listener);
    events.emit('phase', PHASE);
    off();
    off();
    events.emit('phase', PHASE);
    expect(calls).toBe(3);
  });

  test('a listener that takes itself off, or adds another, changes only the next event', () => {
    const { events } = hub();
    const calls: string[] = [];
    const off = events.on('phase', () => {
      calls.push('once');
      off();
      events.on('phase', () => calls.push('added'));
    });
    events.on('phase', () => calls.push('always'));
    events.emit('phase', PHASE);
    expect(calls).toEqual(['once', 'always']);
    events.emit('phase', PHASE);
    expect(calls).toEqual(['once', 'always', 'always', 'added']);
  });

  test('clear takes them all away', () => {
    const { events, warnings } = hub();
    events.clear();
    events.emit('warning', { code: 'PACKAGE_MANAGER', message: '' });
    expect(warnings).toEqual([]);
  });
});

describe('a listener that fails', () => {
  test.each([new Error('no connection'), 'a string', null, Object.create(null), Symbol('odd')])(
    'by throwing causes a warning, and the others are called all the same (%#)',
    (thrown) => {
      const { events, warnings } = hub();
      let called = false;
      events.on('phase', () => {
        throw thrown;
      });
      events.on('phase', () => {
        called = true;
      });
      events.emit('phase', PHASE);
      expect(called).toBe(true);
      expect(warnings).toEqual([
        { code: 'LISTENER_FAILED', message: expect.stringMatching(/^a listener of "phase" threw: /) },
      ]);
    },
  );

  test('later, as an asynchronous function does, causes the same warning and no unhandled rejection', async () => {
    const { events, warnings } = hub();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      events.on('phase', async () => {
        await Promise.resolve();
        throw new Error('the collector is down');
      });
      events.emit('phase', PHASE);
      await settle(3);
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
    expect(warnings).toEqual([{ code: 'LISTENER_FAILED', message: expect.stringContaining('the collector is down') }]);
  });

  test('of warnings is not told of its own failure for ever', async () => {
    const { events, warnings } = hub();
    events.on('warning', () => {
      throw new Error('again');
    });
    events.on('warning', () => Promise.reject(new Error('and again')) as never);
    events.emit('warning', { code: 'PACKAGE_MANAGER', message: 'npm' });
    await settle(3);
    expect(warnings).toEqual([{ code: 'PACKAGE_MANAGER', message: 'npm' }]);
  });
});

test('the names as values are those of the type, each once', () => {
  expect(new Set(EVENT_NAMES).size).toBe(EVENT_NAMES.length);
});
