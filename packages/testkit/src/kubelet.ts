import { checkOption } from './errors.ts';
import { effectiveGraceSeconds, secondsUntilKill } from './kubelet-arithmetic.ts';
import { type HookDelivery, type HookRecord, type HookSender, hookSender, type PreStopHook } from './kubelet-hook.ts';
import type { Probes } from './kubelet-probes.ts';
import type { Container, ServiceExit } from './process.ts';
import { nowMs, pause, within } from './timing.ts';

export interface TerminatePodOptions {
  /**
   * What the deletion asked for, a whole number of seconds; 0 counts as 1, as `--force --grace-period=0` does. It need not
   * be what the service was configured with: a deletion, an eviction or a node shutdown overrides the manifest.
   */
  readonly gracePeriodSeconds: number;
  /** Default: the pod has no hook, SIGTERM comes at once. */
  readonly preStop?: PreStopHook;
  /**
   * The image's `STOPSIGNAL` or the manifest's `stopSignal`. `none` delivers the hook and nothing after it (a mistaken or
   * hostile call): the timeline ends with the hook. Default `SIGTERM`.
   */
  readonly stopSignal?: NodeJS.Signals | 'none';
  /**
   * The hook arrives a second time. Default: it does not.
   * - `at-once`: both in the same moment.
   * - `after-answer`: after the first was answered, before the signal (the runtime failed to stop the container).
   * - `kubeletRestartAfterMs`: the kubelet dies with its connections that long after the deletion and begins again.
   *
   * The last two grant the full grace period anew, as the kubelet does.
   */
  readonly redelivery?: 'at-once' | 'after-answer' | { readonly kubeletRestartAfterMs: number };
  /**
   * A second deletion with another grace period, `afterMs` after the first. A hook over HTTP on its way is not cut short by
   * it, a sleep and a command are (record: `CUT`); then the kubelet runs the hook again within the new grace period. Not
   * together with `redelivery`. Default: none.
   */
  readonly graceShortened?: { readonly afterMs: number; readonly gracePeriodSeconds: number };
  /** When it aborts, hooks on their way are cut and none is sent any more; for whoever ends the process. Default: never. */
  readonly signal?: AbortSignal;
  /** Probes of this pod: liveness ends with the deletion, readiness when the process has ended. Default: none. */
  readonly probes?: Probes;
}

/** What happened, in milliseconds since the deletion, on the monotonic clock. */
export interface PodTimeline {
  /** The moment of the deletion on the monotonic clock, to lay other timelines beside this one. */
  readonly deletedAtMs: number;
  /** The first delivery; absent without a hook. */
  readonly hook?: HookRecord;
  /** All deliveries, in the order in which they were sent. */
  readonly hooks: readonly HookRecord[];
  /** When the stop signal was sent; absent when there was none to send, or nobody to send it to. */
  readonly sigtermAtMs?: number;
  /** Absent only with `stopSignal: 'none'` and a process that goes on. */
  readonly exitedAtMs?: number;
  readonly exit?: { readonly code: number | null; readonly signal: NodeJS.Signals | null };
  /** Whether SIGKILL was needed. */
  readonly killed: boolean;
  /** Until the process had ended, or with `stopSignal: 'none'` until the hook had. */
  readonly totalMs: number;
}

/**
 * Deletes the pod as the kubelet does, in its order and arithmetic (kubelet 1.34, `killContainer`): GET hook, awaited at
 * most for the grace period and never cancelled; the stop signal at once; SIGKILL after max(2, grace − whole seconds of the
 * hook). A hook that fails brings the signal at once. The endpoints are not its business: callers learn by themselves.
 *
 * Resolves when the process has ended. Never rejects for what the service does.
 *
 * @throws TestkitError `ERR_TESTKIT_OPTION_INVALID`
 */
export async function terminatePod(container: Container, options: TerminatePodOptions): Promise<PodTimeline> {
  return runTermination(container, options, hookSender());
}

/** {@link terminatePod} with the hook's transport given, for tests on fake time. */
export async function runTermination(
  container: Container,
  options: TerminatePodOptions,
  sender: HookSender,
): Promise<PodTimeline> {
  checkGrace('gracePeriodSeconds', options.gracePeriodSeconds);
  const { graceShortened, redelivery } = options;
  if (graceShortened) checkGrace('graceShortened.gracePeriodSeconds', graceShortened.gracePeriodSeconds);
  const alone = graceShortened === undefined || redelivery === undefined;
  checkOption(alone, 'terminatePod', 'graceShortened', 'given without redelivery', JSON.stringify(redelivery));
  const termination = new Termination(container, options, sender);
  // A call that nothing follows is no deletion: the kubelet knows nothing of it.
  if (options.stopSignal !== 'none') options.probes?.stopLiveness();
  try {
    return await termination.run();
  } finally {
    if (options.stopSignal !== 'none') options.probes?.stop();
  }
}

function checkGrace(option: string, seconds: number): void {
  const rule = 'a whole number of seconds from 0';
  checkOption(Number.isSafeInteger(seconds) && seconds >= 0, 'terminatePod', option, rule, seconds);
}

/** The process has ended, yet its connections may take a moment to say so. */
const LAST_RECORDS_MS = 1000;

/** Something that makes the kubelet begin again while it kills a container. It happens once at the most. */
interface Interruption {
  /** The grace period that counts from then on. */
  readonly graceSeconds: number;
  /** Whether it breaks the connection of the hook. */
  readonly cuts: boolean;
  readonly happened: Promise<void>;
  hasHappened(): boolean;
  /** It need not happen any more. */
  cancel(): void;
}

class Termination {
  readonly #container: Container;
  readonly #options: TerminatePodOptions;
  readonly #sender: HookSender;
  readonly #deletedAtMs: number = nowMs();
  readonly #hooks: HookDelivery[] = [];
  readonly #exited: Promise<void>;
  #exit: ServiceExit | undefined;
  #sigtermAtMs: number | undefined;
  #killed = false;

  constructor(container: Container, options: TerminatePodOptions, sender: HookSender) {
    this.#container = container;
    this.#options = options;
    this.#sender = sender;
    this.#exited = container.exited.then((exit) => {
      this.#exit = exit;
    });
    const giveUp = () => {
      for (const hook of this.#hooks) hook.cut();
    };
    options.signal?.addEventListener('abort', giveUp, { once: true });
    void this.#exited.then(() => options.signal?.removeEventListener('abort', giveUp));
  }

  async run(): Promise<PodTimeline> {
    const graceSeconds = effectiveGraceSeconds(this.#options.gracePeriodSeconds);
    const interruption = interruptionOf(this.#options);
    if (this.#options.redelivery === 'after-answer') await this.#runHook(graceSeconds, interruption);
    if ((await this.#killContainer(graceSeconds, interruption)) === 'again') {
      await this.#killContainer(interruption.graceSeconds, interruptionOf({}));
    }
    interruption.cancel();
    if (this.#exit !== undefined) {
      await within(Promise.all(this.#hooks.map((hook) => hook.ended)), LAST_RECORDS_MS);
      for (const hook of this.#hooks) hook.cut();
      this.#sender.close();
    }
    return this.#timeline();
  }

  async #killContainer(graceSeconds: number, interruption: Interruption): Promise<'done' | 'again'> {
    const hookMs = await this.#runHook(graceSeconds, interruption);
    if (interruption.hasHappened() && this.#exit === undefined) return 'again';
    const { stopSignal = 'SIGTERM' } = this.#options;
    if (stopSignal === 'none') return 'done';
    // The runtime sends the stop signal once, however often it is asked to stop the container.
    if (this.#sigtermAtMs === undefined) {
      const atMs = this.#elapsedMs();
      if (this.#container.signal(stopSignal)) this.#sigtermAtMs = atMs;
    }
    const untilKill = pause(secondsUntilKill(graceSeconds, hookMs) * 1000);
    await Promise.race([this.#exited, untilKill.over, interruption.happened]);
    untilKill.end();
    if (this.#exit === undefined && interruption.hasHappened()) return 'again';
    if (this.#exit === undefined) this.#killed = this.#container.signal('SIGKILL');
    await this.#exited;
    return 'done';
  }

  /** @returns milliseconds for which the hook was awaited. */
  async #runHook(graceSeconds: number, interruption: Interruption): Promise<number> {
    const { preStop, redelivery, signal } = this.#options;
    if (preStop === undefined || signal?.aborted) return 0;
    const startedAtMs = nowMs();
    const copies = redelivery === 'at-once' ? 2 : 1;
    const deliveries = Array.from({ length: copies }, () => this.#sender.send(preStop, () => this.#elapsedMs()));
    this.#hooks.push(...deliveries);
    // The kubelet's own context ends with it and with a shorter deletion: what it waits for by itself ends too, and a
    // request over HTTP, which does not have that context, only with the kubelet.
    const isHttp = 'port' in preStop;
    if (interruption.cuts || !isHttp) {
      void interruption.happened.then(() => {
        for (const delivery of deliveries) delivery.cut();
        if (interruption.cuts) this.#sender.close();
      });
    }
    await within(Promise.all(deliveries.map((delivery) => delivery.ended)), graceSeconds * 1000);
    return nowMs() - startedAtMs;
  }

  #elapsedMs(): number {
    return nowMs() - this.#deletedAtMs;
  }

  #timeline(): PodTimeline {
    const hooks = this.#hooks.map((hook) => hook.record());
    const [hook] = hooks;
    const exit = this.#exit;
    const exitedAtMs = exit === undefined ? undefined : exit.atMs - this.#deletedAtMs;
    return {
      deletedAtMs: this.#deletedAtMs,
      ...(hook === undefined ? {} : { hook }),
      hooks,
      ...(this.#sigtermAtMs === undefined ? {} : { sigtermAtMs: this.#sigtermAtMs }),
      ...(exit === undefined || exitedAtMs === undefined
        ? {}
        : { exitedAtMs, exit: { code: exit.code, signal: exit.signal } }),
      killed: this.#killed,
      totalMs: exitedAtMs ?? this.#elapsedMs(),
    };
  }
}

function interruptionOf(options: Partial<TerminatePodOptions>): Interruption {
  const { redelivery, graceShortened, gracePeriodSeconds = 0 } = options;
  if (typeof redelivery === 'object') {
    return interruptionAfter(redelivery.kubeletRestartAfterMs, gracePeriodSeconds, true);
  }
  if (graceShortened) return interruptionAfter(graceShortened.afterMs, graceShortened.gracePeriodSeconds, false);
  return {
    graceSeconds: effectiveGraceSeconds(gracePeriodSeconds),
    cuts: false,
    happened: new Promise(() => undefined),
    hasHappened: () => false,
    cancel: () => undefined,
  };
}

function interruptionAfter(ms: number, gracePeriodSeconds: number, cuts: boolean): Interruption {
  let happened = false;
  let cancel: () => void = () => undefined;
  const happening = new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      happened = true;
      resolve();
    }, ms);
    cancel = () => clearTimeout(timer);
  });
  const graceSeconds = effectiveGraceSeconds(gracePeriodSeconds);
  return { graceSeconds, cuts, happened: happening, hasHappened: () => happened, cancel };
}
