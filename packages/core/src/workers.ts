import type { Cluster, Worker as ClusterWorker } from 'node:cluster';
import type { Worker as ThreadWorker } from 'node:worker_threads';
import { LifecycleError } from './errors.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import { isThread, linkProcess, linkThread } from './workers-link.ts';
import { steeringOf } from './workers-steering.ts';

/** The workers that a primary follows. */
export interface WorkerSupervisor {
  /**
   * Follows one more worker: a thread, or a process of `cluster`. Add a thread in the turn in which it is made.
   *
   * @returns the same worker.
   * @throws LifecycleError `ERR_PRESTOP_WORKER_INVALID`
   */
  add<Worker extends ClusterWorker | ThreadWorker>(worker: Worker): Worker;
}

/**
 * Makes a lifecycle the primary of workers that have a lifecycle of their own ({@link createWorkerLifecycle}). The registry,
 * the signals and the admin server stay here. The service is `ready`, and registers, when every worker's servers listen; a
 * termination is told to all workers at its start, waits for them in `draining`, ends them in `closing` before the closers
 * here run, and gives one report. A worker that dies, hangs or never answers costs no more than the deadline.
 *
 * Give it `cluster` before the first `fork()`, in the same turn, and every process is followed; give it threads with
 * {@link WorkerSupervisor.add}. It starts no worker again that has ended: that is the application's business, while
 * `lifecycle.phase` is `ready`.
 *
 * The usual mistake: a worker without {@link createWorkerLifecycle}. It is waited for, and the service never becomes ready.
 *
 * @throws LifecycleError `ERR_PRESTOP_WORKER_INVALID`
 */
export function superviseWorkers(lifecycle: Lifecycle, cluster?: Cluster): WorkerSupervisor {
  const steering = steeringOf(lifecycle);
  if (cluster !== undefined && cluster.isPrimary !== true) {
    throw invalid('superviseWorkers', 'cluster', 'node:cluster in its primary; a worker calls createWorkerLifecycle');
  }
  const group = steering.workers();
  const supervisor: WorkerSupervisor = {
    add(worker) {
      if (!isWorker(worker)) throw invalid('add', 'worker', 'a Worker of node:worker_threads or node:cluster');
      if (hasEnded(worker)) return worker;
      group.add(isThread(worker) ? linkThread(worker) : linkProcess(worker));
      return worker;
    },
  };
  if (cluster !== undefined) {
    const onFork = (worker: ClusterWorker): void => void supervisor.add(worker);
    for (const worker of Object.values(cluster.workers ?? {})) if (worker) onFork(worker);
    cluster.on('fork', onFork);
    steering.onStop(() => cluster.off('fork', onFork));
  }
  return supervisor;
}

function hasEnded(worker: ClusterWorker | ThreadWorker): boolean {
  return isThread(worker) ? worker.threadId === -1 : worker.isDead();
}

function isWorker(worker: unknown): boolean {
  if (typeof worker !== 'object' || worker === null) return false;
  const { isDead } = worker as Partial<ClusterWorker>;
  return isThread(worker as ClusterWorker | ThreadWorker) || typeof isDead === 'function';
}

function invalid(method: string, option: string, rule: string): LifecycleError {
  return new LifecycleError('ERR_PRESTOP_WORKER_INVALID', `${method}: the ${option} must be ${rule}`, { option, rule });
}
