import { expect, test } from 'vitest';
import { listenForSignals } from '../src/signals.ts';
import { FakeSignals } from './support/fake-signals.ts';

test('hears the signals it was told, and none after it was taken back', () => {
  const source = new FakeSignals();
  const heard: string[] = [];
  const release = listenForSignals(source, ['SIGTERM', 'SIGINT'], (signal) => heard.push(signal));
  expect([source.send('SIGTERM'), source.send('SIGINT'), source.send('SIGHUP')]).toEqual([true, true, false]);
  release();
  expect([heard, source.listeners, source.send('SIGTERM')]).toEqual([['SIGTERM', 'SIGINT'], 0, false]);
});

test('a signal that is named twice is heard once: it must not count as a second signal', () => {
  const source = new FakeSignals();
  const heard: string[] = [];
  const release = listenForSignals(source, ['SIGTERM', 'SIGTERM'], (signal) => heard.push(signal));
  source.send('SIGTERM');
  expect(heard).toEqual(['SIGTERM']);
  release();
  expect(source.listeners).toBe(0);
});

test('no signals: nothing is touched', () => {
  const source = new FakeSignals();
  listenForSignals(source, [], () => {})();
  expect(source.listeners).toBe(0);
});
