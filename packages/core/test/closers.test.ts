import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CloserOptions, type CloserResult, Closers } from '../src/closers.ts';
import { Deadline } from '../src/deadline.ts';
import { FakeClock } from './support/fake-clock.ts';

const nothing = (): void => {};

function runIn(closers: Closers, budgetMs = 10_000) {
  const clock = new FakeClock();
  const deadline = new Deadline(clock, clock.now() + budgetMs);
  const order: string[] = [];
  const state: { results?: CloserResult[] } = {};
  const run = async (): Promise<void> => {
    state.results = await closers.run('closing', { clock, deadline, onResult: ({ name }) => order.push(name) });
  };
  return { clock, deadline, order, state, run };
}

/** A closer that takes `ms` and notes when it began and ended. */
function timed(clock: FakeClock, ms: number, log: string[], name: string) {
  return () => {
    log.push(`${name} begins`);
    return new Promise<void>((resolve) =>
      clock.after(ms, () => {
        log.push(`${name} ends`);
        resolve();
      }),
    );
  };
}

describe('add', () => {
  const refused: readonly [string, unknown, unknown, unknown, string, string][] = [
    ['an empty name', '', nothing, undefined, 'ERR_PRESTOP_CLOSER_INVALID', 'a name that is not empty'],
    ['a name that is no string', 7, nothing, undefined, 'ERR_PRESTOP_CLOSER_INVALID', 'there is 7'],
    ['no function', 'pool', { end: nothing }, undefined, 'ERR_PRESTOP_CLOSER_INVALID', 'a function; there is object'],
    ['a name that is taken', 'taken', nothing, undefined, 'ERR_PRESTOP_CLOSER_INVALID', 'no other closer has'],
    ['itself before it', 'pool', nothing, { after: ['pool'] }, 'ERR_PRESTOP_CLOSER_INVALID', 'pool > pool'],
    ['an unknown option', 'pool', nothing, { afer: [] }, 'ERR_PRESTOP_OPTION_UNKNOWN', 'did you mean "after"?'],
    ['a name instead of a list', 'pool', nothing, { after: 'db' }, 'ERR_PRESTOP_OPTION_INVALID', '"db" (string)'],
    ['an empty name in the list', 'pool', nothing, { after: [''] }, 'ERR_PRESTOP_OPTION_INVALID', 'not empty'],
    ['a timeout of 0', 'pool', nothing, { timeoutMs: 0 }, 'ERR_PRESTOP_OPTION_INVALID', 'it is 0'],
    ['a negative timeout', 'pool', nothing, { timeoutMs: -5 }, 'ERR_PRESTOP_OPTION_INVALID', 'it is -5'],
    ['an absurd timeout', 'pool', nothing, { timeoutMs: 1e12 }, 'ERR_PRESTOP_OPTION_INVALID', '3600000'],
    ['a timeout as text', 'pool', nothing, { timeoutMs: '500' }, 'ERR_PRESTOP_OPTION_INVALID', '"500" (string)'],
    ['half a millisecond', 'pool', nothing, { timeoutMs: 0.5 }, 'ERR_PRESTOP_OPTION_INVALID', 'whole number'],
  ];

  test.each(refused)('refuses %s', (_, name, run, options, code, words) => {
    const closers = new Closers();
    closers.add('taken', nothing);
    expect(() => closers.add(name as string, run as () => void, options as CloserOptions)).toThrowError(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });

  test('what was refused is not there', async () => {
    const closers = new Closers();
    expect(() => closers.add('a', nothing, { after: ['a'] })).toThrow();
    closers.add('a', nothing);
    closers.check();
  });

  test('refuses the closer that would close a circle, by name', () => {
    const closers = new Closers();
    closers.add('a', nothing, { after: ['c'] });
    closers.add('b', nothing, { after: ['a'] });
    expect(() => closers.add('c', nothing, { after: ['b'] })).toThrowError(/a > c > b > a/);
  });

  test('refuses one whose phase has begun, by name, until a resume', async () => {
    const closers = new Closers();
    const { clock, deadline } = runIn(closers);
    const late = { code: 'ERR_PRESTOP_PHASE', message: expect.stringContaining('closer "late"') };
    await closers.run('draining', { clock, deadline, onResult: nothing });
    expect(() => closers.add('late', nothing, { phase: 'draining' })).toThrowError(expect.objectContaining(late));
    closers.add('pool', () => closers.add('late', nothing));
    expect(await closers.run('closing', { clock, deadline, onResult: nothing })).toMatchObject([
      { outcome: 'failed', error: late },
    ]);
    closers.reset();
    closers.add('late', nothing, { phase: 'draining' });
  });

  test('the returned function takes it away, once, and not its successor', async () => {
    const closers = new Closers();
    const first = closers.add('pool', nothing);
    first();
    closers.add('pool', nothing);
    first();
    const { run, state } = runIn(closers);
    await run();
    expect(state.results).toHaveLength(1);
  });
});

describe('check', () => {
  test('finds a name in `after` that nobody has, whatever the order of the calls was', () => {
    const closers = new Closers();
    closers.add('pool', nothing, { after: ['telemetry'] });
    expect(() => closers.check()).toThrowError(
      expect.objectContaining({ code: 'ERR_PRESTOP_CLOSER_INVALID', message: expect.stringContaining('telemetry') }),
    );
    const takeAway = closers.add('telemetry', nothing);
    closers.check();
    takeAway();
    closers.check();
  });
});

describe('run', () => {
  test('without closers is over at once', async () => {
    const { run, state } = runIn(new Closers());
    await run();
    expect(state.results).toEqual([]);
  });

  test('closers without an order run at the same time; `after` waits for all it names', async () => {
    const closers = new Closers();
    const { clock, run, order, state } = runIn(closers);
    const log: string[] = [];
    closers.add('telemetry', timed(clock, 10, log, 'telemetry'), { after: ['postgres', 'redis'] });
    closers.add('postgres', timed(clock, 100, log, 'postgres'));
    closers.add('redis', timed(clock, 50, log, 'redis'));
    const done = run();
    await clock.advance(200);
    await done;
    expect(log).toEqual([
      'postgres begins',
      'redis begins',
      'redis ends',
      'postgres ends',
      'telemetry begins',
      'telemetry ends',
    ]);
    expect(order).toEqual(['redis', 'postgres', 'telemetry']);
    expect(state.results?.map(({ name, outcome, ms }) => `${name} ${outcome} ${ms}`)).toEqual([
      'telemetry done 10',
      'postgres done 100',
      'redis done 50',
    ]);
  });

  test('a failure is the outcome of that closer, and those after it run all the same', async () => {
    const closers = new Closers();
    closers.add('thrown', () => {
      throw new TypeError('not a pool');
    });
    closers.add('rejected', () => Promise.reject(new Error('connection lost')), { after: ['thrown'] });
    closers.add('odd', () => Promise.reject('a string'), { after: ['rejected'] });
    closers.add('fine', nothing, { after: ['odd'] });
    const { clock, run, state } = runIn(closers);
    const done = run();
    await clock.advance(10);
    await done;
    expect(state.results?.map(({ name, outcome, error }) => [name, outcome, error?.message])).toEqual([
      ['thrown', 'failed', 'not a pool'],
      ['rejected', 'failed', 'connection lost'],
      ['odd', 'failed', 'a string'],
      ['fine', 'done', undefined],
    ]);
    expect(state.results?.[1]?.error).toBeInstanceOf(Error);
  });

  test('its own timeout ends the wait, tells the closer, and is not called a failure', async () => {
    const closers = new Closers();
    let told: AbortSignal | undefined;
    closers.add(
      'slow',
      ({ signal }) => {
        told = signal;
        return new Promise(() => {});
      },
      { timeoutMs: 300 },
    );
    const { clock, run, state } = runIn(closers);
    const done = run();
    await clock.advance(299);
    expect(told?.aborted).toBe(false);
    await clock.advance(1);
    await done;
    expect(told?.reason).toMatchObject({ name: 'TimeoutError' });
    expect(state.results).toEqual([
      { name: 'slow', outcome: 'timed-out', ms: 300, error: new Error('it had not ended after 300 ms') },
    ]);
  });

  test('a timeout longer than what is left is cut to what is left', async () => {
    const closers = new Closers();
    closers.add('slow', () => new Promise(() => {}), { timeoutMs: 5_000 });
    const { clock, run, state } = runIn(closers, 700);
    const done = run();
    await clock.advance(700);
    await done;
    expect(state.results).toMatchObject([{ outcome: 'timed-out', ms: 700 }]);
    expect(clock.pending).toBe(0);
  });

  test('what had to wait until nothing was left is skipped, and says so', async () => {
    const closers = new Closers();
    let ran = false;
    closers.add('hangs', () => new Promise(() => {}));
    closers.add('behind', () => (ran = true), { after: ['hangs'] });
    const { clock, run, state } = runIn(closers, 500);
    const done = run();
    await clock.advance(500);
    await done;
    expect(state.results).toMatchObject([
      { name: 'hangs', outcome: 'timed-out' },
      { name: 'behind', outcome: 'skipped', ms: 0, error: { message: 'no time was left to run it' } },
    ]);
    expect(ran).toBe(false);
  });

  test('one that fails after its time is not heard of again', async () => {
    const closers = new Closers();
    const { clock, run, state } = runIn(closers, 100);
    closers.add('late', () => new Promise((_, reject) => clock.after(500, () => reject(new Error('too late')))));
    const done = run();
    await clock.advance(1_000);
    await done;
    expect(state.results).toMatchObject([{ outcome: 'timed-out', ms: 100 }]);
  });

  test('any graph without circles ends by the deadline, each closer once, none before those it waits for', async () => {
    const node = fc.record({
      ms: fc.constantFrom(0, 10, 300, 5_000, Number.POSITIVE_INFINITY),
      fails: fc.boolean(),
      timeoutMs: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined }),
      before: fc.array(fc.nat(), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(node, { maxLength: 8 }),
        fc.integer({ min: 0, max: 3_000 }),
        async (nodes, budgetMs) => {
          const closers = new Closers();
          const { clock, run, order, state, deadline } = runIn(closers, budgetMs);
          const startedAt = clock.now();
          const begun: string[] = [];
          const tooEarly: string[] = [];
          const afterOf = new Map<string, string[]>();
          for (const [index, { ms, fails, timeoutMs, before }] of nodes.entries()) {
            const name = `c${index}`;
            const after = index === 0 ? [] : [...new Set(before.map((pick) => `c${pick % index}`))];
            afterOf.set(name, after);
            const closer = (): Promise<void> => {
              begun.push(name);
              tooEarly.push(...after.filter((earlier) => !order.includes(earlier)));
              return new Promise((resolve, reject) => {
                if (ms === Number.POSITIVE_INFINITY) return;
                clock.after(ms, () => (fails ? reject(new Error('no')) : resolve()));
              });
            };
            closers.add(name, closer, { after, ...(timeoutMs !== undefined && { timeoutMs }) });
          }
          closers.check();
          const done = run();
          await clock.advance(budgetMs);
          await done;
          expect(clock.now() - startedAt).toBeLessThanOrEqual(budgetMs);
          expect(state.results?.map(({ name }) => name)).toEqual([...afterOf.keys()]);
          expect([...order].sort()).toEqual([...afterOf.keys()].sort());
          expect(new Set(begun).size).toBe(begun.length);
          expect(tooEarly).toEqual([]);
          for (const { name, outcome, ms } of state.results ?? []) {
            expect(begun.includes(name)).toBe(outcome !== 'skipped');
            expect(ms).toBeLessThanOrEqual(budgetMs);
          }
          deadline.dispose();
        },
      ),
      { numRuns: 80 },
    );
  });
});
