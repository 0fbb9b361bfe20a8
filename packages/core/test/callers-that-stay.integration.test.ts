import type { LifecycleOptions } from '@prestop/core';
import { type LostRequest, startCallers } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { repeatedly, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const GRACE_SECONDS = 6;
const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: GRACE_SECONDS, floorMs: 0 };

describe('callers that never learn of the termination', () => {
  it('are refused when the lame duck has used its share of the budget; what was accepted is answered', async () => {
    const cut: LostRequest[] = [];
    await repeatedly(REPEATS, (number) =>
      withPod({ options: OPTIONS, fake: { settleMs: 0 } }, async (pod) => {
        const callers = startCallers({
          discover: async () => [`127.0.0.1:${pod.port}`],
          requests: [{ path: '/fast' }, { path: '/slow?ms=30' }],
          count: 20,
          thinkMs: 20,
          clients: ['node', 'undici', 'new-connection'],
          seed: number + 1,
        });
        await callers.waitForAnswered(200, 30_000);
        const ending = await pod.terminate(number % 2 === 0, { gracePeriodSeconds: GRACE_SECONDS });
        const { lost } = await callers.stop();
        const { timeline, report, detail } = ending;
        expect(timeline, detail).toMatchObject({ killed: false, exit: { code: 0, signal: null } });
        expect(report, detail).toMatchObject({
          outcome: 'clean',
          lameDuck: { endedBy: 'budget' },
          requests: { cutCount: 0 },
        });
        expect(report.requests.late.count, detail).toBeGreaterThan(20);
        // Refused: nothing was accepted, and a caller may try elsewhere whatever the request was.
        const accepted = lost.filter(({ cause }) => cause !== 'ECONNREFUSED');
        const onKeptAlive = accepted.filter(({ reusedSocket }) => reusedSocket);
        expect(onKeptAlive, JSON.stringify(onKeptAlive)).toEqual([]);
        cut.push(...accepted);
      }),
    );
    // One that the kernel took in the instant in which the listener closed is beyond the reach of the service.
    expect(cut.length, JSON.stringify(cut)).toBeLessThanOrEqual(REPEATS);
  });
});
