import { type LifecycleOptions, REGISTRY_ERROR_KINDS, type RegistryReport } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { type Ending, repeatedly, type TestPod, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 8, quiet: { minMs: 200, maxMs: 200 } };
const DEADLINE_MS = 6_400;
/** A quarter of the budget: what a registry gets before the service goes on without it. */
const DEREGISTRATION_MS = 1_600;
/** The registry's own staleness; where nothing is proven it counts from the end of `deregistering`. */
const SETTLE_MS = 300;

interface Fault {
  readonly title: string;
  readonly plan: object;
  /** What the report says of the registry; its times are checked for being there at all. */
  readonly report: Partial<Omit<RegistryReport, 'attempts' | 'reads'>>;
  /** Default 5; less where several rows try the same in different words. */
  readonly repeats?: number;
  readonly check?: (registry: RegistryReport, ending: Ending) => void;
  /** Longest termination of the quickest run: what else a busy machine takes says nothing. None lasts past the deadline. */
  readonly atMostMs: number;
}

const HUNG: Fault['report'] = { outcome: 'failed', answer: null, removedAtMs: null, confirmedAtMs: null };
const atLeastOnce = ({ attempts }: RegistryReport): void => expect(attempts).toBeGreaterThanOrEqual(1);
/** All of `deregistering`, the floor, quiet, and what a busy machine adds. */
const GIVEN_UP_MS = DEREGISTRATION_MS + SETTLE_MS + 1_500;
const CONFIRMED_MS = SETTLE_MS + 1_500;

/** What an adapter throws from one call to the next; see `fake-registry.mjs`. */
const RUBBISH = [
  ['undefined', 'null', 'string'],
  ['number', 'no prototype', 'throwing toString'],
  ['throwing message', 'throwing message', 'throwing toString'],
];

const FAULTS: readonly Fault[] = [
  {
    title: 'hangs for ever in deregister and ignores its signal',
    plan: { deregister: ['hang'] },
    report: HUNG,
    check: atLeastOnce,
    atMostMs: GIVEN_UP_MS,
  },
  {
    title: 'hangs for ever in check and ignores its signal',
    plan: { check: ['ok', 'hang'] },
    report: { outcome: 'unconfirmed', answer: 'removed', confirmedAtMs: null, reappeared: 0 },
    check: ({ attempts, reads, removedAtMs }) => {
      expect({ attempts, gone: reads.gone, visible: reads.visible }).toEqual({ attempts: 1, gone: 0, visible: 0 });
      expect(removedAtMs).toBeLessThan(DEREGISTRATION_MS);
    },
    atMostMs: GIVEN_UP_MS,
  },
  {
    title: 'hangs for ever in close and ignores it',
    plan: { close: ['hang'] },
    report: { outcome: 'confirmed', answer: 'removed', error: null },
    atMostMs: CONFIRMED_MS + 2_000,
  },
  ...REGISTRY_ERROR_KINDS.map((kind): Fault => {
    const retried = ['throttled', 'unavailable', 'timeout'].includes(kind);
    return {
      title: `refuses: ${kind}`,
      plan: { deregister: [{ error: kind }] },
      report: { ...HUNG, error: `fake: ${kind} on purpose` },
      check: ({ attempts }) => (retried ? expect(attempts).toBeGreaterThan(2) : expect(attempts).toBe(1)),
      repeats: 2,
      // What cannot succeed is not waited for.
      atMostMs: retried ? GIVEN_UP_MS : CONFIRMED_MS,
    };
  }),
  {
    title: 'refuses twice and agrees then',
    plan: { deregister: [{ error: 'unavailable' }, { error: 'timeout' }, 'ok'] },
    report: { outcome: 'confirmed', answer: 'removed', reappeared: 0, error: 'fake: timeout on purpose' },
    check: ({ attempts, reads }) => {
      expect(attempts).toBe(3);
      expect(reads).toMatchObject({ visible: 0, unknown: 0 });
    },
    atMostMs: CONFIRMED_MS + 1_000,
  },
  ...RUBBISH.map(
    (rubbish): Fault => ({
      title: `throws rubbish: ${rubbish.join(', ')}`,
      plan: {
        deregister: rubbish.map((name, index) => ({ rubbish: name, sync: index % 2 === 0 })),
        check: ['ok', { rubbish: 'undefined' }],
        close: [{ rubbish: 'number', sync: true }],
      },
      report: HUNG,
      repeats: 2,
      check: ({ attempts, error }) => {
        expect(attempts).toBeGreaterThanOrEqual(rubbish.length);
        expect(typeof error).toBe('string');
      },
      atMostMs: GIVEN_UP_MS,
    }),
  ),
  {
    title: 'throws rubbish when it is read',
    plan: { check: ['ok', { rubbish: 'no prototype', sync: true }, { rubbish: 'undefined' }] },
    report: { outcome: 'unconfirmed', answer: 'removed', confirmedAtMs: null },
    check: ({ reads }) => {
      expect(reads).toMatchObject({ gone: 0, visible: 0 });
      expect(reads.unknown).toBeGreaterThan(2);
    },
    atMostMs: GIVEN_UP_MS,
  },
  {
    title: "checks to 'unknown' for ever",
    plan: { check: ['ok', { answer: 'unknown' }] },
    report: { outcome: 'unconfirmed', answer: 'removed', confirmedAtMs: null, reappeared: 0, error: null },
    check: ({ attempts, reads }) => {
      expect(attempts).toBe(1);
      expect(reads).toMatchObject({ gone: 0, visible: 0 });
      expect(reads.unknown).toBeGreaterThan(2);
    },
    atMostMs: GIVEN_UP_MS,
  },
  {
    title: 'answers rubbish',
    plan: { deregister: [{ answer: 'maybe' }], check: ['ok', { answer: 'perhaps' }, { answer: 7 }, {}] },
    report: { outcome: 'unconfirmed', answer: null, confirmedAtMs: null, reappeared: 0 },
    check: ({ reads }) => {
      expect(Object.keys(reads).toSorted()).toEqual(['gone', 'unknown', 'visible']);
      expect(reads).toMatchObject({ gone: 0, visible: 0 });
      expect(reads.unknown).toBeGreaterThan(2);
    },
    atMostMs: GIVEN_UP_MS,
  },
  {
    title: 'had lost the instance already',
    plan: { register: [{ answer: null }], check: [{ answer: 'visible' }, 'ok'] },
    report: { outcome: 'confirmed', answer: 'absent', reappeared: 0, error: null },
    atMostMs: CONFIRMED_MS,
  },
  {
    title: 'brings the instance back once',
    plan: { check: ['ok', 'ok', { back: true }, 'ok'] },
    report: { outcome: 'confirmed', answer: 'removed', reappeared: 1, error: null },
    check: ({ attempts, reads, removedAtMs, confirmedAtMs }, { report }) => {
      expect({ attempts, visible: reads.visible, unknown: reads.unknown }).toEqual({
        attempts: 2,
        visible: 1,
        unknown: 0,
      });
      expect(reads.gone).toBeGreaterThanOrEqual(3);
      expect(confirmedAtMs).toBeGreaterThan(removedAtMs ?? 0);
      // The floor counts from the second removal.
      expect(report.totalMs).toBeGreaterThan(600 + SETTLE_MS);
    },
    atMostMs: CONFIRMED_MS + 1_000,
  },
  {
    title: 'brings the instance back when it was confirmed to be gone',
    // Looked at once a second from then on, so that the floor is long enough for one more look on a busy machine.
    plan: { check: ['ok', 'ok', 'ok', { back: true }, 'ok'], settleMs: 2_400 },
    report: { outcome: 'confirmed', answer: 'removed', reappeared: 1, error: null },
    check: ({ attempts }) => expect(attempts).toBe(2),
    atMostMs: 6_000,
  },
];

/** Traffic that must not notice; few calls, since they must not keep the service from being quiet either. */
async function serveMeanwhile(pod: TestPod): Promise<void> {
  for (let id = 0; id < 4 && !pod.output().includes('"to":"draining"'); id++) {
    const socket = await pod.open();
    socket.write(get(`/fast?id=${id}`));
    expect(await socket.readResponse()).toMatchObject({ status: 200, body: `fast ${id}` });
    await at(performance.now() + 150);
  }
}

describe.concurrent('a registry that', () => {
  it.for(FAULTS)('$title', async ({ plan, report: expected, repeats = 5, check, atMostMs }) => {
    const totals: number[] = [];
    await repeatedly(repeats, (number) =>
      withPod({ options: OPTIONS, fake: { settleMs: SETTLE_MS, ...plan } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=1000'));
        await pod.entered('GET /slow?ms=1000');
        const { ended } = await pod.beginTermination(number % 2 === 0, { gracePeriodSeconds: 8 });
        await serveMeanwhile(pod);
        expect(await busy.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
        const ending = await ended;
        const { timeline, report, detail } = ending;
        expect(timeline, `${detail}\n${pod.output()}`).toMatchObject({
          killed: false,
          exit: { code: 0, signal: null },
        });
        expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
        const [registry] = report.registries;
        if (registry === undefined) throw new Error('the report names no registry');
        expect(registry, detail).toMatchObject({ name: 'fake', ...expected });
        check?.(registry, ending);
        expect(report.totalMs, detail).toBeLessThan(DEADLINE_MS);
        totals.push(report.totalMs);
      }),
    );
    expect(Math.min(...totals)).toBeLessThan(atMostMs);
  });
});

describe.concurrent('a registry that hangs at the start', () => {
  it('neither keeps the service from serving nor from ending', async () => {
    // The second registration is the one that hangs: the fixture must be ready once. Here the hook resumes it.
    const options: LifecycleOptions = { ...OPTIONS, resumeAfterMs: 100 };
    await withPod({ options, fake: { settleMs: 0, register: ['ok', 'hang'] } }, async (pod) => {
      await pod.hookAlone();
      await pod.event('resumed');
      await pod.service.waitForLine(/^registry register 2/);
      const socket = await pod.open();
      socket.write(get('/fast'));
      expect((await socket.readResponse()).status).toBe(200);
      const { timeline, report, detail } = await pod.terminate(true, { gracePeriodSeconds: 8 });
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
      expect(report.registries, detail).toMatchObject([{ outcome: 'confirmed', answer: 'absent' }]);
    });
  });
});
