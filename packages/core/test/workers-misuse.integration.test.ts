import { fileURLToPath } from 'node:url';
import { startService } from '@prestop/testkit';
import { expect, it } from 'vitest';

it('refuses primaries that are workers, and workers that are not', async () => {
  const service = await startService({
    file: fileURLToPath(new URL('./fixtures/workers-misuse.mjs', import.meta.url)),
  });
  expect(await service.exited).toMatchObject({ code: 0, signal: null });
  expect(service.lines.map(({ text }) => text)).toEqual([
    'ERR_PRESTOP_WORKER_INVALID createWorkerLifecycle: this process must be a worker of node:cluster or node:worker_threads; a service of one process calls createLifecycle',
    'ERR_PRESTOP_WORKER_INVALID superviseWorkers: the lifecycle must be a lifecycle made by createLifecycle of this copy of @prestop/core',
    'ERR_PRESTOP_WORKER_INVALID add: the worker must be a Worker of node:worker_threads or node:cluster',
    'ERR_PRESTOP_WORKER_INVALID superviseWorkers: the cluster must be node:cluster in its primary; a worker calls createWorkerLifecycle',
    'ERR_PRESTOP_OPTION_UNKNOWN createWorkerLifecycle: there is no option "registry"; known options: quiet, uncountedUserAgents, isCounted, faults, start, logger',
  ]);
});
