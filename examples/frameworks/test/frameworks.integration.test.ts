import { fileURLToPath } from 'node:url';
import { freePort, type Pod, rollOut, startService } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';

const GRACE_SECONDS = 30;

/** Pods of one framework that are listed until they are deleted; callers learn of the deletion with their lag. */
function pods(framework: string) {
  const listed: string[] = [];
  return {
    discover: async () => [...listed],
    async startPod(): Promise<Pod> {
      const [port, hookPort] = [await freePort(), await freePort()];
      const service = await startService({
        file: fileURLToPath(new URL(`../dist/${framework}.js`, import.meta.url)),
        // The callers below are 0.8 s stale, not the 5 s of a cluster.
        env: { PORT: String(port), ADMIN_PORT: String(hookPort), FLOOR_MS: '1000' },
      });
      await service.waitForHttp(`http://127.0.0.1:${hookPort}/readyz`);
      const target = `127.0.0.1:${port}`;
      listed.push(target);
      void service.waitForLine(/"event":"terminating"/, 60_000).then(
        () => listed.splice(listed.indexOf(target), 1),
        () => {},
      );
      return { service, target, hookPort };
    },
  };
}

describe.each(['fastify', 'koa', 'hono', 'nest-express', 'nest-fastify'])('%s', (framework) => {
  it('rolls two pods under load without losing a request, and exits clean', async () => {
    const { startPod, discover } = pods(framework);
    const { tally, rolled } = await rollOut({
      startPod,
      gracePeriodSeconds: GRACE_SECONDS,
      callers: {
        discover,
        requests: [{ path: '/hello', weight: 9 }, { path: '/slow' }],
        lagMs: 800,
        count: 20,
        thinkMs: 30,
      },
    });
    const detail = JSON.stringify({ lost: tally.lost.slice(0, 3), rolled });
    expect(tally.lostCount, detail).toBe(0);
    for (const { timeline, report } of rolled) {
      expect(timeline.exit, detail).toEqual({ code: 0, signal: null });
      expect(report?.['outcome'], detail).toBe('clean');
    }
  });
});
