import { describe, expect, test } from 'vitest';
import { EVENT_NAMES, EventHub } from '../src/events.ts';
import { register } from '../src/registration.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript } from './support/fake-registry.ts';

function begin(script: FakeRegistryScript) {
  const clock = new FakeClock();
  const events = new EventHub();
  const told: { readonly name: string; readonly event: object }[] = [];
  for (const name of EVENT_NAMES) events.on(name, (event) => told.push({ name, event }));
  const adapter = new FakeRegistry(clock, script);
  const abort = new AbortController();
  const state: { registered?: boolean } = {};
  const context = { clock, events, random: () => 1 };
  const done = register(adapter, context, abort.signal).then((registered) => {
    state.registered = registered;
  });
  return { clock, adapter, abort, told, state, done };
}

describe('register', () => {
  test('registers once and waits until the instance is listed', async () => {
    const { clock, state, adapter, told } = begin({ check: ['gone', 'gone', 'ok'] });
    await clock.advance(0);
    expect(state.registered).toBeUndefined();
    await clock.advance(400);
    expect(state.registered).toBe(true);
    expect([adapter.count('register'), adapter.count('check')]).toEqual([1, 3]);
    expect(told).toEqual([{ name: 'registered', event: { registry: 'fake', attempts: 1, listed: true } }]);
    expect(clock.pending).toBe(0);
  });

  test('tries again and again, with growing pauses, until the registry takes it', async () => {
    const refused = { refuse: 'unavailable' } as const;
    const { clock, state, adapter, told } = begin({ register: [refused, refused, 'rubbish', 'ok'] });
    await clock.advance(150 + 300 + 600);
    expect([state.registered, adapter.count('register')]).toEqual([true, 4]);
    expect(told.map(({ name }) => name)).toEqual([...Array(3).fill('registrationFailed'), 'registered']);
    expect(told.map(({ event }) => (event as { retryInMs?: number }).retryInMs)).toEqual([150, 300, 600, undefined]);
    expect(told[2]?.event).toMatchObject({ error: expect.any(SyntaxError) });
  });

  test('a refusal that no second try can mend is tried again too, but not in a hurry', async () => {
    const { clock, state, told } = begin({ register: [{ refuse: 'auth' }, 'ok'] });
    await clock.advance(1_999);
    expect([state.registered, told[0]?.event]).toEqual([undefined, expect.objectContaining({ retryInMs: 2_000 })]);
    await clock.advance(1);
    expect(state.registered).toBe(true);
  });

  test('a registry that hangs is given up after 2 s and asked again', async () => {
    const { clock, state, adapter } = begin({ register: ['deaf', 'ok'] });
    await clock.advance(2_150);
    expect([state.registered, adapter.count('register')]).toEqual([true, 2]);
  });

  test('a registry that cannot be read does not keep a service from being ready, and a warning says so', async () => {
    const { clock, state, told, adapter } = begin({ check: ['unknown', { refuse: 'auth' }, 'unknown'] });
    await clock.advance(1_000);
    expect([state.registered, adapter.count('check')]).toEqual([true, 5]);
    expect(told.map(({ name, event }) => [name, event])).toEqual([
      ['warning', { code: 'REGISTRY_UNCONFIRMED', message: expect.stringContaining('registered with fake') }],
      ['registered', { registry: 'fake', attempts: 1, listed: false }],
    ]);
  });

  test('a registry that took the instance and does not list it: one warning after 10 s', async () => {
    const { clock, state, adapter, told, abort, done } = begin({ check: ['gone'] });
    await clock.advance(9_900);
    expect([state.registered, told]).toEqual([undefined, []]);
    await clock.advance(200);
    const message = 'fake took the instance 10 s ago and does not list it; not ready until it does';
    expect(told).toEqual([{ name: 'warning', event: { code: 'REGISTRY_UNLISTED', message } }]);
    await clock.advance(60_000);
    expect([state.registered, adapter.count('register'), told.length]).toEqual([undefined, 1, 1]);
    abort.abort();
    await done;
    expect(state.registered).toBe(false);
  });

  test.each<[string, FakeRegistryScript]>([
    ['while it registers', { register: ['hang'] }],
    ['while it registers with a deaf adapter', { register: ['deaf'] }],
    ['while it waits for the next try', { register: ['rubbish'] }],
    ['while it looks', { check: ['hang'] }],
    ['while it waits for the next look', { check: ['gone'] }],
  ])('ends at once and without a word when it is aborted %s', async (_, script) => {
    const { clock, state, abort, told, done } = begin(script);
    await clock.advance(50);
    const before = told.length;
    abort.abort();
    await done;
    expect(state.registered).toBe(false);
    expect(told.length).toBe(before);
    expect(clock.pending).toBe(0);
  });
});
