import { randomUUID } from 'node:crypto';
import { nacosSettleMs } from '@prestop/registry-adapters/nacos';
import { mustSkip, openNacos } from '@prestop/testkit/servers';
import { startOrderPod } from '@prestop-examples/order-service/testing';
import { afterAll, describe, it } from 'vitest';
import { expectLosslessRollout, GRACE_SECONDS, RUNS } from '../../order-service/test/lossless-rollout.ts';
import { subscribeNacos } from './consumer.ts';

const nacos = await openNacos();
const skip = mustSkip(nacos, 'rolling updates behind callers that discover through a real Nacos (10 tests)');
const addr = nacos.available ? nacos.addr : '';
afterAll(async () => {
  if (nacos.available) await nacos.stop();
});

async function rolling(lagMs: number, hook: boolean, seed: number): Promise<void> {
  const serviceName = `orders-${randomUUID()}`;
  const consumer = await subscribeNacos(addr, serviceName);
  const pod = {
    server: new URL('../dist/server.js', import.meta.url),
    hook,
    gracePeriodSeconds: GRACE_SECONDS,
    env: { NACOS_SERVER_ADDR: addr, SERVICE_NAME: serviceName },
  };
  try {
    await expectLosslessRollout({
      startPod: () => startOrderPod(pod),
      discover: consumer.discover,
      lagMs,
      seed,
      floorMs: nacosSettleMs.push,
    });
  } finally {
    await consumer.stop();
  }
}

describe.skipIf(skip).each([
  { trigger: '/prestop, then SIGTERM', hook: true },
  { trigger: 'SIGTERM alone', hook: false },
])('rolling update of two pods behind Nacos, by $trigger', ({ hook }) => {
  for (const { lagMs, seed } of RUNS) {
    it(`loses nothing when callers are up to ${lagMs} ms behind their subscription`, () => rolling(lagMs, hook, seed));
  }
});
