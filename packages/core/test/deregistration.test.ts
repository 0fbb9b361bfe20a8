import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deregistration } from '../src/deregistration.ts';
import { REGISTRY_ERROR_KINDS } from '../src/errors.ts';
import { EVENT_NAMES, EventHub, type LifecycleEventName } from '../src/events.ts';
import { FakeClock, settle } from './support/fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript, type Fault } from './support/fake-registry.ts';

function begin(script: FakeRegistryScript, listed = true) {
  const clock = new FakeClock();
  const events = new EventHub();
  const told: { readonly name: LifecycleEventName; readonly event: object }[] = [];
  for (const name of EVENT_NAMES) events.on(name, (event) => told.push({ name, event }));
  const adapter = new FakeRegistry(clock, script);
  adapter.listed = listed;
  const startedAt = clock.now();
  const removed: number[] = [];
  const onRemoved = (): void => void removed.push(clock.now() - startedAt);
  const deregistration = new Deregistration(adapter, { clock, events, random: () => 1, startedAt, onRemoved });
  const abort = new AbortController();
  const state: { settledAtMs?: number; ended?: boolean } = {};
  void deregistration.settled.then(() => {
    state.settledAtMs ??= clock.now() - startedAt;
  });
  const run = deregistration.run(abort.signal).then(() => {
    state.ended = true;
  });
  return { clock, adapter, deregistration, abort, told, state, run, removed, startedAt };
}

const names = (told: readonly { readonly name: string }[]): string[] => told.map(({ name }) => name);

describe('a registry that works', () => {
  test('is asked at once, read back twice, and confirmed', async () => {
    const { clock, deregistration, adapter, state, removed } = begin({});
    await settle();
    expect(adapter.calls[0]).toEqual({ method: 'deregister', at: 1_000 });
    expect([removed, deregistration.outcome]).toEqual([[0], 'unconfirmed']);
    await clock.advance(200);
    expect(deregistration.report()).toEqual({
      name: 'fake',
      outcome: 'confirmed',
      answer: 'removed',
      attempts: 1,
      removedAtMs: 0,
      confirmedAtMs: 200,
      reappeared: 0,
      reads: { gone: 2, visible: 0, unknown: 0 },
      error: null,
      closeError: null,
    });
    expect(state.settledAtMs).toBe(200);
    expect(deregistration.goneSince).toBe(1_000);
  });

  test('is the same when the instance was not there', async () => {
    const { clock, deregistration } = begin({}, false);
    await clock.advance(200);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', answer: 'absent' });
  });

  test('is watched on, once a second, until the signal aborts; then nothing is left', async () => {
    const { clock, adapter, abort, run, state } = begin({});
    await clock.advance(5_200);
    expect(adapter.count('check')).toBe(7);
    abort.abort();
    await run;
    expect([state.ended, clock.pending, adapter.open]).toEqual([true, 0, 0]);
  });
});

describe('a registry that fails', () => {
  test.each(['throttled', 'unavailable', 'timeout'] as const)('%s: is asked again, with pauses', async (kind) => {
    const { clock, deregistration, told } = begin({ deregister: [{ refuse: kind }, { refuse: kind }, 'ok'] });
    await clock.advance(150 + 300 + 200);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', attempts: 3, removedAtMs: 450 });
    expect(told.map(({ event }) => (event as { retryInMs: number }).retryInMs)).toEqual([150, 300]);
  });

  test.each(['auth', 'unsupported', 'invalid'] as const)('%s: is not asked again and holds nobody up', async (kind) => {
    const { deregistration, told, state, removed } = begin({ deregister: [{ refuse: kind }, 'ok'] });
    await settle();
    expect(deregistration.report()).toMatchObject({ outcome: 'failed', attempts: 1, answer: null, removedAtMs: null });
    expect([state.settledAtMs, state.ended, removed]).toEqual([0, true, []]);
    expect(told).toEqual([
      { name: 'deregistrationFailed', event: expect.objectContaining({ registry: 'fake', retryInMs: undefined }) },
    ]);
  });

  test('between retryable and final every kind of error is one of the two', () => {
    expect([...REGISTRY_ERROR_KINDS].sort()).toEqual(
      ['auth', 'invalid', 'throttled', 'timeout', 'unavailable', 'unsupported'].sort(),
    );
  });

  test('rubbish counts as a failure that may pass', async () => {
    const { clock, deregistration } = begin({ deregister: ['rubbish', 'ok'] });
    await clock.advance(150);
    expect(deregistration.report()).toMatchObject({
      attempts: 2,
      answer: 'removed',
      error: expect.stringContaining('JSON'),
    });
  });

  test('one that hangs is given up after 2 s and asked again; nobody who waits hears of it', async () => {
    const { clock, deregistration, state } = begin({ deregister: ['deaf', 'hang', 'ok'] });
    await clock.advance(2_000 + 150 + 2_000 + 299);
    expect([state.settledAtMs, deregistration.outcome]).toEqual([undefined, 'failed']);
    await clock.advance(1);
    expect(deregistration.report()).toMatchObject({ outcome: 'unconfirmed', attempts: 3 });
  });

  test('one that takes long to answer is not asked twice at once', async () => {
    const { clock, adapter } = begin({ deregister: [{ slowMs: 1_900 }] });
    await clock.advance(1_900);
    expect([adapter.count('deregister'), adapter.listed]).toEqual([1, false]);
  });
});

describe('reading back', () => {
  test('what cannot be read stays unconfirmed, however often', async () => {
    const { clock, deregistration, state } = begin({ check: ['unknown', 'hang', { refuse: 'auth' }, 'unknown'] });
    await clock.advance(10_000);
    expect(deregistration.outcome).toBe('unconfirmed');
    expect(deregistration.goneSince).toBeUndefined();
    expect(deregistration.report().reads.unknown).toBeGreaterThan(3);
    expect(deregistration.report().error).toContain('refused (auth)');
    expect(state.settledAtMs).toBeUndefined();
  });

  test('one clean read is not enough, and one that fails in between proves nothing either way', async () => {
    const { clock, deregistration } = begin({ check: ['gone', 'unknown', 'gone'] });
    await clock.advance(399);
    expect(deregistration.outcome).toBe('unconfirmed');
    await clock.advance(1);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', confirmedAtMs: 400 });
  });

  test('a registry that is slow to show its own removal is asked again, and that is no reappearance', async () => {
    const { clock, deregistration, told } = begin({ check: ['visible', 'visible', 'ok'] });
    await clock.advance(600);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', attempts: 3, reappeared: 0 });
    expect(names(told)).toEqual([]);
  });

  test('back again after one clean read: removed again, told, and proven anew', async () => {
    const { clock, adapter, deregistration, told } = begin({});
    await clock.advance(100);
    adapter.putBack();
    await clock.advance(100);
    expect(deregistration.goneSince).toBeUndefined();
    await clock.advance(400);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', reappeared: 1, attempts: 2 });
    expect(names(told)).toEqual(['reappeared']);
  });

  test('back again long after it was confirmed: the proof is withdrawn until there is a new one', async () => {
    const { clock, adapter, deregistration, startedAt } = begin({});
    await clock.advance(5_000);
    adapter.putBack();
    await clock.advance(200);
    expect([deregistration.outcome, deregistration.goneSince]).toEqual(['unconfirmed', undefined]);
    await clock.advance(400);
    expect(deregistration.report()).toMatchObject({ outcome: 'confirmed', reappeared: 1, answer: 'removed' });
    expect((deregistration.goneSince ?? 0) - startedAt).toBeGreaterThan(5_000);
  });

  test('removed once is told once, however often it comes back', async () => {
    const { clock, adapter, removed } = begin({});
    for (let round = 0; round < 3; round++) {
      await clock.advance(2_000);
      adapter.putBack();
    }
    await clock.advance(2_000);
    expect(removed).toEqual([0]);
  });
});

describe('the end of it', () => {
  const faults = fc.constantFrom<Fault[]>(
    'ok',
    'hang',
    'deaf',
    'rubbish',
    { slowMs: 300 },
    { slowMs: 5_000 },
    { refuse: 'unavailable' },
    { refuse: 'auth' },
  );
  const reads = fc.oneof(faults, fc.constantFrom<Fault[]>('unknown', 'visible', 'gone'));

  test('comes with the signal, at any instant and whatever the registry does, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(faults, { minLength: 1, maxLength: 5 }),
        fc.array(reads, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 12_000 }),
        async (deregister, check, afterMs) => {
          const { clock, abort, run, state, deregistration, startedAt } = begin({ deregister, check });
          await clock.advance(afterMs);
          abort.abort();
          await run;
          await settle();
          expect([state.ended, clock.pending]).toEqual([true, 0]);
          expect(state.settledAtMs).toBeDefined();
          const { outcome, removedAtMs, confirmedAtMs, attempts, answer } = deregistration.report();
          expect(outcome === 'failed').toBe(removedAtMs === null);
          expect(outcome === 'confirmed').toBe(confirmedAtMs !== null);
          expect(answer === null).toBe(removedAtMs === null);
          expect(attempts).toBeGreaterThan(0);
          expect(clock.now() - startedAt).toBe(afterMs);
        },
      ),
      { numRuns: 60 },
    );
  });
});
