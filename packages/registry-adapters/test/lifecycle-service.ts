import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLifecycle, type Lifecycle, type RegistryAdapter, type TerminationReport } from '@prestop/core';
import { expect } from 'vitest';

export interface Terminated {
  readonly report: TerminationReport;
  readonly ms: number;
  /** Requests of a caller who went on until the service began to drain; how many were not answered with 200. */
  readonly answered: number;
  readonly lost: number;
}

export interface Service {
  readonly lifecycle: Lifecycle;
  readonly origin: string;
  /** Terminates under steady calls. */
  terminate(): Promise<Terminated>;
  stop(): Promise<void>;
}

const CALL_EVERY_MS = 10;

/** An HTTP service with the real lifecycle around `registry`, which does not end the process of the tests. */
export async function startService(
  registry: RegistryAdapter,
  terminationGracePeriodSeconds: number,
  deregistrationMs: number,
): Promise<Service> {
  const server = createServer((_, response) => response.end('ok'));
  const lifecycle = createLifecycle({
    terminationGracePeriodSeconds,
    registry,
    deregistrationMs,
    floorMs: 300,
    // Longer than this process, which calls and serves at once, may stand still on a busy machine.
    quiet: { minMs: 600, maxMs: 1_000 },
    admin: false,
    signals: [],
    logger: false,
    terminationMessagePath: false,
    exit: () => undefined,
  });
  lifecycle.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const callSteadily = async (): Promise<{ answered: number; lost: number }> => {
    const count = { answered: 0, lost: 0 };
    // A service is not quiet as long as somebody calls; this caller stops in good time.
    const stopAt = performance.now() + 1_000;
    while (performance.now() < stopAt && ['deregistering', 'lame-duck'].includes(lifecycle.phase)) {
      const status = await fetch(origin, { headers: { connection: 'close' } }).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) count.answered += 1;
      else count.lost += 1;
      await sleep(CALL_EVERY_MS);
    }
    return count;
  };
  return {
    lifecycle,
    origin,
    terminate: async () => {
      const started = performance.now();
      const terminated = lifecycle.terminate();
      const calls = callSteadily();
      const report = await terminated;
      return { report, ms: performance.now() - started, ...(await calls) };
    },
    stop: async () => {
      await lifecycle.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** HTTP was not affected and the deadline was kept. */
export function expectServed({ answered, lost, ms, report }: Terminated, graceS: number): void {
  expect(lost).toBe(0);
  expect(answered).toBeGreaterThan(10);
  expect(ms).toBeLessThan(graceS * 1_000);
  expect(report.outcome).toBe('clean');
  expect(report.requests.cutCount).toBe(0);
}

/** Terminates a registered service; a consumer that asks all the time must not see it after its removal was confirmed. */
export async function expectNeverSeenAgain(
  service: Service,
  isListed: () => Promise<boolean>,
  graceS: number,
): Promise<void> {
  expect(await isListed(), 'the consumer looks in the right place').toBe(true);
  const started = performance.now();
  let lastSeenMs = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      if (await isListed()) lastSeenMs = performance.now() - started;
      await sleep(5);
    }
  })();
  const terminated = await service.terminate();
  await sleep(500);
  watching = false;
  await watch;
  expectServed(terminated, graceS);
  const [registry] = terminated.report.registries;
  expect(registry).toMatchObject({ outcome: 'confirmed', answer: 'removed', reappeared: 0, error: null });
  expect(lastSeenMs).toBeLessThan(registry?.confirmedAtMs ?? 0);
}
