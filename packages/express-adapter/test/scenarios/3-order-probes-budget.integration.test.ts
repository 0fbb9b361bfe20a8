import { EXIT_CODES } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get } from '../../../core/test/fixtures/messages.ts';
import { type TestPod, withPod } from '../../../core/test/fixtures/pod.ts';
import { expectClean, express, GRACE, lameDuckOf, SHORT } from './fixtures/scenario.ts';

/** What the endpoint answers in each phase of a termination. */
async function statusesOf(pod: TestPod, endpoint: string): Promise<Record<string, number>> {
  const statuses: Record<string, number> = { ready: (await pod.ask(endpoint)).status };
  await pod.ask('/hold?name=test');
  const { ended } = await pod.beginTermination(true, GRACE);
  statuses['t0'] = (await pod.ask(endpoint)).status;
  for (const phase of ['lame-duck', 'draining']) {
    await pod.service.waitForLine((line) => line.text.includes(`"to":"${phase}"`));
    statuses[phase] = (await pod.ask(endpoint)).status;
  }
  await pod.ask('/release?name=test');
  expectClean(await ended);
  return statuses;
}

describe.concurrent('C. order, probes and budget', () => {
  // gajus/lightship#25, godaddy/terminus#31, gquittet/graceful-server#5
  it.each([
    ['/readyz', { ready: 200, t0: 503, 'lame-duck': 503, draining: 503 }],
    ['/livez', { ready: 200, t0: 200, 'lame-duck': 200, draining: 200 }],
  ])('20. readiness is 503 from the start, liveness 200 all the time: %s', async (endpoint, statuses) => {
    await withPod(express(lameDuckOf(1_000)), async (pod) => {
      expect(await statusesOf(pod, endpoint)).toEqual(statuses);
    });
  });

  // godaddy/terminus#112
  it('21. readiness stays 200 while the service serves, where it is told to, so that a deploy pages nobody', async () => {
    await withPod(express({ ...lameDuckOf(1_000), readyzWhileServing: 'serve' }), async (pod) => {
      expect(await statusesOf(pod, '/readyz')).toEqual({ ready: 200, t0: 200, 'lame-duck': 200, draining: 200 });
    });
  });

  // godaddy/terminus#155
  it.each([
    ['with the hook', true],
    ['by SIGTERM alone', false],
  ])('22. when everything is stuck, all of it together ends within the grace period: %s', async (_how, hook) => {
    const env = { CLOSERS: JSON.stringify({ stuck: { takes: 'never' } }) };
    const fake = { deregister: ['hang'], check: ['ok', 'hang'], close: ['hang'] };
    const options = { terminationGracePeriodSeconds: 6, reserveMs: 2_500 };
    await withPod(express(options, { env, fake }), async (pod) => {
      const busy = await pod.open();
      busy.write(get('/never'));
      await pod.entered('GET /never');
      const { timeline, report, detail } = await pod.terminate(hook, { gracePeriodSeconds: 6 });
      expect(timeline, detail).toMatchObject({ killed: false, exit: { code: EXIT_CODES.forced } });
      expect(report.totalMs, detail).toBeLessThan(6_000);
      expect(report, detail).toMatchObject({
        outcome: 'forced',
        requests: { cutCount: 1, cut: [{ method: 'GET', path: '/never', cause: 'deadline' }] },
        closers: [{ name: 'stuck', outcome: 'timed-out' }],
      });
    });
  });

  // nestjs/nest#12913
  it('23. a database pool is closed only after the last answer that needs it', async () => {
    const env = { CLOSERS: JSON.stringify({ database: { takes: 0 } }) };
    await withPod(express(SHORT, { env }), async (pod) => {
      const socket = await pod.open();
      socket.write(get('/wait'));
      await pod.entered('GET /wait');
      const { ended } = await pod.beginTermination(false, GRACE);
      await pod.service.waitForLine(/"to":"draining"/);
      await pod.ask('/go');
      expect(await socket.readResponse()).toMatchObject({ status: 200, body: 'waited , closed: ' });
      const ending = await ended;
      expectClean(ending);
      expect(ending.report.closers, ending.detail).toMatchObject([{ name: 'database', outcome: 'done' }]);
    });
  });

  it.each([
    ['the hook, then SIGTERM', (pod: TestPod) => pod.terminate(true, GRACE), ['prestop', 'signal']],
    [
      'SIGTERM, then the hook',
      async (pod: TestPod) => {
        const { ended } = await pod.beginTermination(false, GRACE);
        expect((await pod.askAdmin('/prestop')).status).toBe(200);
        return ended;
      },
      ['signal', 'prestop'],
    ],
    [
      'the hook twice at once, then SIGTERM',
      (pod: TestPod) => pod.terminate(true, { ...GRACE, redelivery: 'at-once' }),
      ['prestop', 'prestop', 'signal'],
    ],
  ] as const)('24. there is one termination and its delay runs once: %s', async (_order, terminate, triggers) => {
    await withPod(express(lameDuckOf(1_500)), async (pod) => {
      const ending = await terminate(pod);
      expectClean(ending);
      const { trigger, joined, phases } = ending.report;
      expect(
        [trigger, ...joined].map(({ kind }) => kind),
        ending.detail,
      ).toEqual(triggers);
      const lameDucks = phases.filter(({ phase }) => phase === 'lame-duck');
      expect(lameDucks, ending.detail).toHaveLength(1);
      expect(lameDucks[0]?.ms, ending.detail).toBeLessThan(2 * 1_500);
      expect([pod.events('terminating').length, pod.events('report').length]).toEqual([1, 1]);
    });
  });

  // gajus/lightship#31
  it('25. work that is registered after the start and must not be raced takes readiness away until it is done', async () => {
    await withPod(express(), async (pod) => {
      const readyz = async (): Promise<number> => (await pod.ask('/readyz')).status;
      expect(await readyz()).toBe(200);
      await pod.ask('/hold?name=cache&readiness=yes');
      expect(await readyz()).toBe(503);
      expect((await pod.ask('/livez')).status).toBe(200);
      expect((await pod.ask('/fast')).status, 'what comes all the same is served').toBe(200);
      await pod.ask('/release?name=cache');
      expect(await readyz()).toBe(200);
      expectClean(await pod.terminate(true, GRACE));
    });
  });
});
