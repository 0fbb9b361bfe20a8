import { systemClock } from './clock.ts';
import { DEFAULTS } from './defaults.ts';
import { LifecycleError } from './errors.ts';
import { createLifecycleIn } from './lifecycle.ts';
import type { Lifecycle } from './lifecycle-interface.ts';
import { type LifecycleOptions, OPTION_RULES } from './lifecycle-options.ts';
import { jsonLogger, type Logger } from './logger.ts';
import { checkOptions, type OptionRules } from './option-rules.ts';
import type { TerminationReport } from './report.ts';
import { listenForSignals } from './signals.ts';
import { channelToPrimary, type PrimaryChannel } from './workers-channel.ts';
import type { PrimaryMessage } from './workers-protocol.ts';
import { type PrimaryProgress, STEERING, type SteeredLifecycle } from './workers-steering.ts';

/**
 * Options of a worker's lifecycle: those about its own requests. Registry, signals, admin server and every time of the
 * termination are the primary's.
 */
export type WorkerLifecycleOptions = Pick<
  LifecycleOptions,
  'quiet' | 'uncountedUserAgents' | 'isCounted' | 'faults' | 'start' | 'logger'
>;

const OWNER = 'createWorkerLifecycle';
const { quiet, uncountedUserAgents, isCounted, faults, start, logger } = OPTION_RULES;
const RULES: OptionRules<WorkerLifecycleOptions> = { quiet, uncountedUserAgents, isCounted, faults, start, logger };

/** Longest wait for the last report to leave before the worker exits, in milliseconds. */
const FLUSH_MS = 250;

/**
 * The lifecycle of a worker, of `node:cluster` or `node:worker_threads`, whose primary called `superviseWorkers`. Attach
 * its servers and register its closers here. It terminates, resumes and ends when the primary says so, on the primary's
 * deadline; signals that the primary handles are ignored, since a terminal sends them to every process of the group. When
 * the primary is gone, it finishes what is in flight and ends too.
 *
 * The usual mistake: `createLifecycle` in a worker, which takes the admin port and the signals for itself.
 *
 * @throws LifecycleError `ERR_PRESTOP_WORKER_INVALID` in a process that is no worker, `ERR_PRESTOP_OPTION_*`
 */
export function createWorkerLifecycle(options: WorkerLifecycleOptions = {}): Lifecycle {
  checkOptions<WorkerLifecycleOptions>(OWNER, options, RULES);
  const channel = channelToPrimary();
  if (channel === undefined) {
    const rule = 'a worker of node:cluster or node:worker_threads; a service of one process calls createLifecycle';
    throw new LifecycleError('ERR_PRESTOP_WORKER_INVALID', `${OWNER}: this process must be ${rule}`, { rule });
  }
  let lastReport: TerminationReport | undefined;
  const exit = (code: number): void => {
    const end = (): void => process.exit(code);
    setTimeout(end, FLUSH_MS);
    if (lastReport === undefined) end();
    else channel.send({ type: 'ended', report: lastReport }, end);
  };
  const lifecycle = createLifecycleIn(
    {
      ...options,
      // Without a registry of its own the primary decides how stale callers may be.
      floorMs: 0,
      admin: false,
      signals: [],
      terminationMessagePath: false,
      logger: options.logger === false ? false : workerLogger(options.logger ?? jsonLogger(systemClock), channel.id),
    },
    { clock: systemClock, random: Math.random, signals: process, exit },
  );
  lifecycle.on('report', ({ report }) => {
    lastReport = report;
  });
  follow(lifecycle, channel);
  return lifecycle;
}

/** Does what the primary says. */
function follow(lifecycle: SteeredLifecycle, channel: PrimaryChannel): void {
  const steering = lifecycle[STEERING];
  const progress: { -readonly [Name in keyof PrimaryProgress]: PrimaryProgress[Name] } = {
    floorPassed: false,
    proven: false,
  };
  /** While a resume waits for the end of the drain that it takes back; what the primary says next waits for it. */
  let resuming: Promise<void> | undefined;
  let ignored: (() => void) | undefined;

  const ignore = (signals: readonly NodeJS.Signals[]): void => {
    ignored?.();
    ignored = channel.getsSignals ? listenForSignals(process, signals, () => {}) : undefined;
  };
  let failure: string | null = null;
  const hello = (): void => channel.send({ type: 'hello', ready: lifecycle.phase === 'ready', failure });

  const terminate = async ({ run, trigger, terms }: Extract<PrimaryMessage, { type: 'terminate' }>): Promise<void> => {
    const report = await steering.drain(trigger, terms, progress);
    channel.send({ type: 'drained', run, report });
  };
  const resume = async (waitedMs: number): Promise<void> => {
    await steering.resume(waitedMs);
    progress.floorPassed = false;
    progress.proven = false;
    resuming = undefined;
    hello();
  };

  const obey = (message: PrimaryMessage): void => {
    if (resuming !== undefined) {
      void resuming.then(() => obey(message));
      return;
    }
    switch (message.type) {
      case 'welcome':
        ignore(message.signals);
        hello();
        return;
      case 'ask':
        channel.send({ type: 'status', round: message.round, status: lifecycle.status() });
        return;
      case 'terminate':
        void terminate(message);
        return;
      case 'removed':
        steering.removed();
        return;
      case 'floor-passed':
        progress.floorPassed = true;
        progress.proven = message.proven;
        return;
      case 'hurry':
        steering.hurry(message.trigger, message.limits);
        return;
      case 'close':
        void steering.close(message.limits);
        return;
      case 'resume':
        resuming = resume(message.waitedMs);
        return;
    }
  };

  // Until the primary says which it handles.
  ignore(DEFAULTS.signals);
  steering.onStop(() => ignored?.());
  steering.onStop(channel.listen({ message: obey, gone: () => steering.retire('the primary is gone') }));
  lifecycle.on('phase', ({ from, to }) => {
    if (from === 'starting' && to === 'ready') hello();
  });
  lifecycle.on('failed', ({ reason }) => {
    failure = reason;
    hello();
  });
  hello();
}

/** Names the worker in every line, and leaves the report to the primary's. */
function workerLogger(inner: Logger, worker: number): Logger {
  const log =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      if ('event' in fields && fields.event === 'report') return;
      inner[level]({ worker, ...fields }, message);
    };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}
