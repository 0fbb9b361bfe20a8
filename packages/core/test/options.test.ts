import { describe, expect, test } from 'vitest';
import { ENDPOINTS, type EndpointHandlerOptions } from '../src/endpoints.ts';
import { LifecycleError } from '../src/errors.ts';
import { createLifecycle } from '../src/lifecycle.ts';
import {
  ADMIN_RULES,
  type AdminOptions,
  type LifecycleOptions,
  OPTION_RULES,
  QUIET_RULES,
  type QuietOptions,
  resolveOptions,
} from '../src/lifecycle-options.ts';
import { LONG_LIVED_RULES, type LongLivedOptions } from '../src/long-lived.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';

const adapter = (name = 'fake', settleMs = 0): FakeRegistry => new FakeRegistry(new FakeClock(), { name, settleMs });
const logger = { info: () => {}, warn: () => {}, error: () => {} };

/** One of every kind of wrong value that people write; an option names those that are right for it. */
const ZOO = {
  null: null,
  true: true,
  false: false,
  zero: 0,
  one: 1,
  five: 5,
  half: 2.5,
  negative: -1,
  absurd: 1e15,
  NaN: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  bigint: 30n,
  empty: '',
  digits: '500',
  duration: '5s',
  word: 'sometimes',
  list: [],
  numbers: [1],
  words: ['kube-probe/'],
  blanks: [''],
  object: {},
  date: new Date(0),
  map: new Map(),
  promise: Promise.resolve({}),
  function: () => {},
  symbol: Symbol('value'),
} as const;

type Animal = keyof typeof ZOO;

interface Case {
  /** Those of the zoo that the option takes. */
  readonly takes: readonly Animal[];
  /** What else it takes. */
  readonly good?: readonly unknown[];
  /** What else it refuses. */
  readonly bad?: readonly unknown[];
}

const OPTIONS: Record<keyof LifecycleOptions, Case> = {
  terminationGracePeriodSeconds: { takes: ['five'], good: [2, 30, 86_400], bad: [1, 30_000_000, '30'] },
  reserveMs: { takes: [], good: [200, 24_000], bad: [199, 86_400_001] },
  registry: {
    takes: ['list'],
    good: [adapter(), [adapter('a'), adapter('b')]],
    bad: [
      Object.assign(adapter(), { name: '' }),
      Object.assign(adapter(), { settleMs: -1 }),
      Object.assign(adapter(), { settleMs: Number.NaN }),
      Object.assign(adapter(), { check: undefined }),
      [adapter(), 'consul'],
      [null],
    ],
  },
  deregistrationMs: { takes: ['zero', 'one', 'five'], good: [15_000] },
  floorMs: { takes: ['zero', 'one', 'five'], good: [15_000] },
  minDrainMs: { takes: ['zero', 'one', 'five'], good: [20_000] },
  quiet: { takes: ['object'], good: [{ minMs: 500 }], bad: [Object.create({ minMs: 5 })] },
  longLived: { takes: ['object'], good: [{ tunnels: 'leave' }], bad: ['leave'] },
  admin: { takes: ['object', 'false'], good: [{ port: 0 }], bad: [9_090] },
  signals: { takes: ['list'], good: [['SIGTERM'], ['SIGUSR2']], bad: [['SIGKILL'], ['SIGSTOP'], ['sigterm'], [15]] },
  readyzWhileServing: { takes: [], good: ['fail', 'serve'], bad: ['Fail', 'toString'] },
  resumeAfterMs: { takes: ['one', 'five'], good: [86_400_000], bad: [86_400_001] },
  uncountedUserAgents: { takes: ['list', 'words'], good: [['a', 'b']] },
  isCounted: { takes: ['function'] },
  faults: { takes: [], good: ['ignore', 'terminate'] },
  start: { takes: [], good: ['listening', 'manual'] },
  logger: { takes: ['false'], good: [logger], bad: [{ info: () => {} }, { ...logger, warn: 'loud' }] },
  terminationMessagePath: { takes: ['false', 'digits', 'duration', 'word'], good: ['/dev/termination-log'] },
  exit: { takes: ['function'] },
};

const QUIET: Record<keyof QuietOptions, Case> = {
  minMs: { takes: ['one', 'five'], good: [5_000] },
  maxMs: { takes: ['one', 'five'], good: [1_000, 60_000] },
  missedRequests: { takes: ['one', 'five', 'half'], good: [100], bad: [0.99, 101] },
};

const LONG_LIVED: Record<keyof LongLivedOptions, Case> = {
  eventStreams: { takes: [], good: ['wait', 'leave'], bad: ['end'] },
  tunnels: { takes: [], good: ['wait', 'leave'] },
  upgrades: { takes: [], good: ['wait', 'leave'] },
};

const ADMIN: Record<keyof AdminOptions, Case> = {
  port: { takes: ['zero', 'one', 'five'], good: [65_535], bad: [65_536] },
  host: { takes: ['digits', 'duration', 'word'], good: ['::', '127.0.0.1'] },
  token: {
    takes: ['word'],
    good: ['s3cret-t0ken'],
    bad: ['short', 'with a space in it', 'ümläute-überall', 'line\nbreak!'],
  },
};

const HANDLER: Record<keyof EndpointHandlerOptions, Case> = {
  expose: { takes: ['list'], good: [['/livez'], [...ENDPOINTS]], bad: [['/healthz'], ['livez'], '/livez'] },
  token: ADMIN.token,
};

function refusal(run: () => unknown): LifecycleError {
  try {
    run();
  } catch (error) {
    if (error instanceof LifecycleError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const resolve = (options: object): unknown => resolveOptions(options as LifecycleOptions);

/** Where options are given, what each is called in messages, and how to give it. */
const GROUPS = {
  createLifecycle: {
    cases: OPTIONS as Record<string, Case>,
    rules: OPTION_RULES,
    prefix: '',
    give: (name: string, value: unknown) => resolve({ [name]: value }),
  },
  'createLifecycle quiet': {
    cases: QUIET as Record<string, Case>,
    rules: QUIET_RULES,
    prefix: 'quiet.',
    give: (name: string, value: unknown) => resolve({ quiet: { minMs: 1, [name]: value } }),
  },
  'createLifecycle longLived': {
    cases: LONG_LIVED as Record<string, Case>,
    rules: LONG_LIVED_RULES,
    prefix: 'longLived.',
    give: (name: string, value: unknown) => resolve({ longLived: { [name]: value } }),
  },
  'createLifecycle admin': {
    cases: ADMIN as Record<string, Case>,
    rules: ADMIN_RULES,
    prefix: 'admin.',
    give: (name: string, value: unknown) => resolve({ admin: { [name]: value } }),
  },
  handler: {
    cases: HANDLER as Record<string, Case>,
    rules: { expose: 0, token: 0 },
    prefix: '',
    give: (name: string, value: unknown) =>
      createLifecycle({ logger: false }).handler({ [name]: value } as EndpointHandlerOptions),
  },
};

describe.each(Object.entries(GROUPS))('%s', (owner, { cases, rules, prefix, give }) => {
  test('has a case for every option, and an option for every case', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(rules).sort());
  });

  describe.each(Object.entries(cases))('%s', (name, { takes, good = [], bad = [] }) => {
    const wrong = (Object.keys(ZOO) as Animal[]).filter((animal) => !takes.includes(animal));

    test.each(takes)('takes %s', (animal) => void give(name, ZOO[animal]));

    test('takes what is right, and counts undefined as not given', () => {
      for (const value of [...good, undefined]) give(name, value);
    });

    test.each(wrong)('refuses %s', (animal) => {
      const error = refusal(() => give(name, ZOO[animal]));
      expect(error.code).toBe('ERR_PRESTOP_OPTION_INVALID');
      expect(error.option).toBe(`${prefix}${name}`);
      expect(error.rule).toBeTruthy();
      expect(error.value).toBeTruthy();
      expect(error.message).toBe(
        `${owner.split(' ')[0]}: option "${prefix}${name}" must be ${error.rule}; it is ${error.value}`,
      );
    });

    test('refuses what else is wrong', () => {
      for (const value of bad) expect(refusal(() => give(name, value)).code).toBe('ERR_PRESTOP_OPTION_INVALID');
    });

    test('suggests itself for a slip of the pen', () => {
      const slips = [name.toUpperCase(), `${name}s`, name.slice(0, -1), `${name.slice(0, 1)}x${name.slice(1)}`];
      for (const slip of slips) {
        const error = refusal(() => give(slip, 1));
        expect([error.code, error.option]).toEqual(['ERR_PRESTOP_OPTION_UNKNOWN', `${prefix}${slip}`]);
        expect(error.message).toContain('did you mean');
      }
    });
  });

  test('lists what there is when a name is nothing like any', () => {
    const error = refusal(() => give('gracePeriodOfTheWholePod', 30));
    expect(error.message).toContain(
      `known options: ${Object.keys(rules)
        .map((name) => `${prefix}${name}`)
        .join(', ')}`,
    );
  });

  test.each(['__proto__x', 'constructor', 'toString', 'hasOwnProperty'])('does not know "%s"', (name) => {
    expect(refusal(() => give(name, 1)).code).toBe('ERR_PRESTOP_OPTION_UNKNOWN');
  });
});

describe('the options as a whole', () => {
  test.each(['null', 'true', 'five', 'word', 'list', 'function', 'map', 'promise', 'date'] as const)(
    'are not %s',
    (animal) => {
      const error = refusal(() => resolveOptions(ZOO[animal] as LifecycleOptions));
      expect(error).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option: 'options' });
    },
  );

  test('may be missing, empty, frozen or without a prototype', () => {
    for (const options of [
      undefined,
      {},
      Object.freeze({ floorMs: 0 }),
      Object.assign(Object.create(null), { floorMs: 0 }),
    ]) {
      resolveOptions(options);
    }
  });

  test('are not read from the prototype: what is inherited would be ignored in silence', () => {
    expect(refusal(() => resolveOptions(Object.create({ floorMs: 0 }) as LifecycleOptions)).option).toBe('options');
  });

  test('nothing is opened, read or listened to by making a lifecycle', () => {
    const before = process.listenerCount('SIGTERM');
    const registry = adapter();
    const lifecycle = createLifecycle({ registry, faults: 'terminate' });
    expect([process.listenerCount('SIGTERM'), registry.calls, lifecycle.phase]).toEqual([before, [], 'starting']);
    expect(lifecycle.adminAddress).toBeUndefined();
  });
});

describe('options that cannot both hold', () => {
  const conflicts: readonly [string, LifecycleOptions, string, string][] = [
    ['a reserve that leaves less than a second', { reserveMs: 29_001 }, 'reserveMs', 'at least 1000 ms'],
    ['a reserve longer than the grace period', { reserveMs: 40_000 }, 'reserveMs', '30000 ms'],
    ['a drain as long as the budget', { minDrainMs: 25_000 }, 'minDrainMs', 'budget of 25000 ms'],
    ['a floor that leaves no drain', { floorMs: 20_000 }, 'floorMs', 'raise terminationGracePeriodSeconds'],
    ['a registry that is too stale', { registry: adapter('nacos', 16_000) }, 'registry', 'floor of 16000 ms'],
    ['a deregistration that leaves no drain', { deregistrationMs: 15_001 }, 'deregistrationMs', '15000 ms'],
    ['a minimum above the default maximum', { quiet: { minMs: 5_001 } }, 'quiet.minMs', 'quiet.maxMs (5000)'],
    ['a maximum below the default minimum', { quiet: { maxMs: 999 } }, 'quiet.minMs', 'quiet.maxMs (999)'],
    [
      'a short grace period and a long floor',
      { terminationGracePeriodSeconds: 5, floorMs: 3_000 },
      'floorMs',
      '4000 ms',
    ],
  ];

  test.each(conflicts)('%s', (_, options, option, words) => {
    const error = refusal(() => resolveOptions(options));
    expect(error).toMatchObject({
      code: 'ERR_PRESTOP_OPTION_CONFLICT',
      option,
      message: expect.stringContaining(words),
    });
    expect(error.rule && error.value).toBeTruthy();
  });

  test("a floor of one's own is taken where the registry alone would not fit", () => {
    expect(resolveOptions({ registry: adapter('nacos', 16_000), floorMs: 10_000 }).floorMs).toBe(10_000);
  });

  test('two registries of one name could not be told apart in the report', () => {
    const error = refusal(() => resolveOptions({ registry: [adapter('consul'), adapter('consul')] }));
    expect(error).toMatchObject({ code: 'ERR_PRESTOP_OPTION_INVALID', option: 'registry', value: '"consul" (string)' });
  });
});

describe('secrets', () => {
  const secret = 'hunter2';
  const attempts: readonly [string, () => unknown][] = [
    ['a token that is too short', () => resolve({ admin: { token: secret } })],
    ['a token with a blank', () => resolve({ admin: { token: `${secret} ${secret}` } })],
    ['a token in a list', () => resolve({ admin: { token: [secret] } })],
    ['a token in place of the options', () => resolve({ admin: secret })],
    ['a token in place of the options of a handler', () => createLifecycle({ logger: false }).handler(secret as never)],
    ['a token of a handler', () => createLifecycle({ logger: false }).handler({ token: secret })],
    ['a token under a wrong name', () => resolve({ admin: { tokn: `${secret}-${secret}` } })],
  ];

  test.each(attempts)('%s is described, never shown', (_, attempt) => {
    const error = refusal(attempt);
    expect(JSON.stringify([error.message, error.option, error.rule, error.value, error.stack])).not.toContain(secret);
  });

  test('the description still helps', () => {
    expect(refusal(() => resolve({ admin: { token: secret } })).value).toBe('a string of 7 characters');
  });
});

describe('what a message shows of a value', () => {
  const shown = (value: unknown): string | undefined => refusal(() => resolve({ faults: value })).value;

  test('strings in quotes with their type, since "500" and 500 differ by it', () => {
    expect([shown('500'), refusal(() => resolve({ floorMs: '500' })).value]).toEqual([
      '"500" (string)',
      '"500" (string)',
    ]);
  });

  test('long ones are cut', () => {
    expect(shown('x'.repeat(10_000))?.length).toBeLessThan(100);
  });

  test('lists of plain values as they are, everything else by its type', () => {
    expect(refusal(() => resolve({ signals: ['SIGTERM', 'SIGKILL'] })).value).toBe('["SIGTERM","SIGKILL"]');
    expect([shown({ a: 1 }), shown(Promise.resolve()), shown(null), shown(Number.NaN), shown(5n)]).toEqual([
      'of type object',
      'of type object (Promise)',
      'null',
      'NaN',
      'of type bigint',
    ]);
  });
});

describe('what the options become', () => {
  test('the defaults', () => {
    expect(resolveOptions({})).toMatchObject({
      terminationGracePeriodSeconds: 30,
      graceMs: 30_000,
      budgetMs: 25_000,
      exitMs: 29_500,
      deregistrationMs: 5_000,
      floorMs: 5_000,
      minDrainMs: 10_000,
      admin: { port: 9_090 },
      signals: ['SIGTERM', 'SIGINT'],
      resumeAfterMs: 10_000,
    });
  });

  test('the floor is that of the most stale registry, and 5 s only where there is none', () => {
    expect(resolveOptions({ registry: [adapter('a', 200), adapter('b', 3_000)] }).floorMs).toBe(3_000);
    expect(resolveOptions({ registry: adapter('a', 0) }).floorMs).toBe(0);
    expect(resolveOptions({ registry: [] }).floorMs).toBe(5_000);
  });

  test.each([2, 3, 5, 10, 30, 45, 300, 3_600, 86_400])('%d s: every share fits into the grace period', (seconds) => {
    const { graceMs, budgetMs, exitMs, deregistrationMs, floorMs, minDrainMs } = resolveOptions({
      terminationGracePeriodSeconds: seconds,
    });
    expect(budgetMs).toBeGreaterThanOrEqual(1_000);
    expect(floorMs + minDrainMs).toBeLessThanOrEqual(budgetMs);
    expect(deregistrationMs + minDrainMs).toBeLessThanOrEqual(budgetMs);
    expect(budgetMs).toBeLessThan(exitMs);
    expect(exitMs).toBeLessThan(graceMs);
  });

  test('an option that is given as undefined has its default', () => {
    const { quiet, admin, floorMs } = resolveOptions({
      floorMs: undefined,
      quiet: { minMs: undefined },
      admin: { port: undefined },
    } as never);
    expect([quiet.minMs, admin, floorMs]).toEqual([1_000, { port: 9_090 }, 5_000]);
  });
});
