import fc from 'fast-check';
import type { Fault } from './fake-registry.ts';

/** What happens to a service at one instant. */
export type Step =
  | { readonly do: 'prestop' | 'call' | 'fault' | 'put-back' | 'silent-socket' | 'half-head' | 'upgrade' }
  /** Work outside of requests; `forMs` as of a request. */
  | { readonly do: 'hold'; readonly forMs: number | undefined }
  | { readonly do: 'signal'; readonly signal: 'SIGTERM' | 'SIGINT' }
  | {
      readonly do: 'request';
      /** Which of the callers' connections; one that is not usable any more is opened again. */
      readonly connection: number;
      /** How long the handler takes, in milliseconds; `undefined`: for ever. */
      readonly forMs: number | undefined;
      readonly probe: boolean;
      /** Whether its answer may say close. */
      readonly complete: boolean;
    };

export interface RandomLife {
  readonly terminationGracePeriodSeconds: number;
  readonly resumeAfterMs: number;
  readonly registries: readonly {
    readonly settleMs: number;
    readonly deregister: readonly Fault[];
    readonly check: readonly Fault[];
    readonly close: readonly Fault[];
  }[];
  readonly closers: readonly {
    readonly ms: number | undefined;
    readonly fails: boolean;
    readonly timeoutMs: number | undefined;
    readonly afterPrevious: boolean;
    readonly phase: 'draining' | 'closing';
  }[];
  /** In order; `afterMs` from the step before. */
  readonly steps: readonly { readonly afterMs: number; readonly step: Step }[];
}

const fault = fc.constantFrom<Fault[]>(
  'ok',
  'ok',
  'hang',
  'deaf',
  'rubbish',
  { slowMs: 700 },
  { refuse: 'unavailable' },
  { refuse: 'auth' },
);
const read = fc.oneof(fault, fc.constantFrom<Fault[]>('unknown', 'visible', 'gone'));
const script = (one: fc.Arbitrary<Fault>) => fc.array(one, { minLength: 1, maxLength: 4 });

const duration = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 1, arbitrary: fc.integer({ min: 400, max: 6_000 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

const request = fc.record({
  do: fc.constant('request' as const),
  connection: fc.nat(4),
  forMs: duration,
  probe: fc.boolean(),
  complete: fc.constantFrom(true, true, false),
});

const trigger: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'prestop' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('signal' as const),
      signal: fc.constantFrom('SIGTERM' as const, 'SIGINT' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ do: 'call' as const }, { do: 'fault' as const }) },
);

const other: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: request },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), forMs: duration }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('put-back' as const, 'silent-socket' as const, 'half-head' as const, 'upgrade' as const)
      .map((name) => ({ do: name })),
  },
);

const pause = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 150 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 1_500 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 6_000 }) },
);

/** A service's life with at least one trigger in it. */
export const randomLife: fc.Arbitrary<RandomLife> = fc.record({
  terminationGracePeriodSeconds: fc.constantFrom(2, 3, 5, 8),
  resumeAfterMs: fc.constantFrom(300, 2_000, 20_000),
  registries: fc.array(
    fc.record({
      settleMs: fc.constantFrom(0, 100, 400),
      deregister: script(fault),
      check: script(read),
      close: script(fc.constantFrom<Fault[]>('ok', 'ok', 'deaf', 'rubbish')),
    }),
    { maxLength: 2 },
  ),
  closers: fc.array(
    fc.record({
      ms: fc.constantFrom(0, 10, 300, 2_500, undefined),
      fails: fc.boolean(),
      timeoutMs: fc.constantFrom(undefined, 100, 1_000),
      afterPrevious: fc.boolean(),
      phase: fc.constantFrom('closing' as const, 'closing' as const, 'draining' as const),
    }),
    { maxLength: 4 },
  ),
  steps: fc
    .tuple(
      fc.array(fc.record({ afterMs: pause, step: other }), { maxLength: 8 }),
      fc.record({ afterMs: pause, step: trigger }),
      fc.array(fc.record({ afterMs: pause, step: fc.oneof(other, trigger) }), { maxLength: 14 }),
    )
    .map(([before, first, after]) => [...before, first, ...after]),
});
