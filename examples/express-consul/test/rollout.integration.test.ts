import { randomUUID } from 'node:crypto';
import { consulSettleMs } from '@prestop/registry-adapters/consul';
import { mustSkip, openConsul } from '@prestop/testkit/servers';
import { startOrderPod } from '@prestop-examples/order-service/testing';
import { afterAll, describe, it } from 'vitest';
import { expectLosslessRollout, GRACE_SECONDS, RUNS } from '../../order-service/test/lossless-rollout.ts';
import { watchConsul } from './consumer.ts';

const consul = await openConsul();
const skip = mustSkip(consul, 'rolling updates behind callers that discover through a real Consul (10 tests)');
const addr = consul.available ? consul.addr : '';
afterAll(async () => {
  if (consul.available) await consul.stop();
});

async function rolling(lagMs: number, hook: boolean, seed: number): Promise<void> {
  const serviceName = `orders-${randomUUID()}`;
  const consumer = watchConsul(addr, serviceName);
  const pod = {
    server: new URL('../dist/server.js', import.meta.url),
    hook,
    gracePeriodSeconds: GRACE_SECONDS,
    env: { CONSUL_HTTP_ADDR: addr, SERVICE_NAME: serviceName },
  };
  try {
    await expectLosslessRollout({
      startPod: () => startOrderPod(pod),
      discover: consumer.discover,
      lagMs,
      seed,
      floorMs: consulSettleMs.blockingQuery,
    });
  } finally {
    await consumer.stop();
  }
}

describe.skipIf(skip).each([
  { trigger: '/prestop, then SIGTERM', hook: true },
  { trigger: 'SIGTERM alone', hook: false },
])('rolling update of two pods behind Consul, by $trigger', ({ hook }) => {
  for (const { lagMs, seed } of RUNS) {
    it(`loses nothing when callers are up to ${lagMs} ms behind their blocking query`, () =>
      rolling(lagMs, hook, seed));
  }
});
