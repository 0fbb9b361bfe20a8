import {
  freePort,
  type PreStopHook,
  type ProbeResult,
  type Probes,
  type ProbeTarget,
  type Service,
  startCommand,
  startProbes,
  TestkitError,
} from '@prestop/testkit';
import { SDK_DEFAULTS } from '../defaults.ts';
import { DrillError } from './errors.ts';
import { tokenHeaders } from './hook-token.ts';
import type { Interrupt } from './interrupt.ts';
import { type AskedProbe, notReady } from './not-ready.ts';
import { portEnvironment } from './port-map.ts';
import type { HttpTarget, ProbeSetting, ServiceSetting } from './settings.ts';

const HOST = '127.0.0.1';
const POLL_SECONDS = 0.05;
/**
 * How long the pod waits for an admin port to follow the service's own, in milliseconds; it is looked for once more before
 * the pod is stopped, so that one that comes later is not taken for none.
 */
const ADMIN_PORT_MS = 500;
/** How long one that accepts connections may take to answer as the SDK's does, in milliseconds. */
const ADMIN_ANSWER_MS = 500;

/** A process that stands for a pod's container, and is ready. */
export interface DrillPod {
  /** `pod-1` */
  readonly name: string;
  readonly service: Service;
  /** `host:port` where callers reach it. */
  readonly target: string;
  readonly host: string;
  /** In the order of the service's slots. */
  readonly ports: readonly number[];
  /** Undefined: the pod has none. */
  readonly hook: PreStopHook | undefined;
  /** Where the kubelet asks whether it is ready. */
  readonly readiness: ProbeTarget;
  /** Where it asks whether the container has to be restarted. Undefined: nowhere. */
  readonly liveness: ProbeTarget | undefined;
  /** From the start to readiness, in milliseconds. */
  readonly startedInMs: number;
  /**
   * Looks once more for the SDK's admin server, where it would be asked and was not there: `hook` and `readiness` are its
   * own from then on. Waits for nothing but its readiness.
   *
   * @returns whether it is there now and was not before.
   * @throws DrillError `ERR_PRESTOP_DRILL_SERVICE` for one that is not ready in the time of a start.
   */
  lookAgain(): Promise<boolean>;
}

export interface StartPodOptions {
  /** `pod-1` */
  readonly name: string;
  readonly service: ServiceSetting;
  /** Added to the environment of every pod. */
  readonly env: Readonly<Record<string, string>>;
  /** The ports of the pod that it takes the place of: a restart in place. Default: free ones. */
  readonly ports?: readonly number[];
  readonly interrupt: Interrupt;
}

/**
 * Starts a pod and waits until it is ready. Leaves no process behind when it throws.
 *
 * @throws DrillError `ERR_PRESTOP_DRILL_SERVICE`, with the last output, and `ERR_PRESTOP_DRILL_INTERRUPTED`.
 */
export async function startPod({ name, service, env, ports: given, interrupt }: StartPodOptions): Promise<DrillPod> {
  const ports = given ?? (await Promise.all(service.ports.map(() => freePort())));
  const [first = 0] = ports;
  const environment = {
    ...service.env,
    ...env,
    ...portEnvironment(service.ports, ports, service.env['NODE_OPTIONS'] ?? process.env['NODE_OPTIONS']),
  };
  let running: Service;
  try {
    running = await startCommand({ command: service.command, env: environment, cwd: service.cwd });
  } catch (cause) {
    if (!(cause instanceof TestkitError)) throw cause;
    throw new DrillError('ERR_PRESTOP_DRILL_SERVICE', cause.message, { cause });
  }
  const starting = new StartingPod(running, service, ports, environment);
  try {
    await interrupt.race(starting.becomeReady());
  } catch (error) {
    await running.kill();
    throw error;
  }
  return {
    name,
    service: running,
    host: HOST,
    target: `${HOST}:${first}`,
    ports,
    startedInMs: starting.readyAtMs - running.startedAtMs,
    liveness: starting.liveness,
    get readiness() {
      return starting.readiness;
    },
    get hook() {
      return starting.hook;
    },
    lookAgain: () => interrupt.race(starting.lookAgain()),
  };
}

/** Finds out what the kubelet is to ask, and waits until the service is ready. */
class StartingPod {
  readyAtMs: number;
  readonly #running: Service;
  readonly #setting: ServiceSetting;
  readonly #ports: readonly number[];
  readonly #env: Readonly<Record<string, string>>;
  /** The SDK's admin server, where there is one. */
  #admin: ProbeTarget | undefined;

  constructor(
    running: Service,
    setting: ServiceSetting,
    ports: readonly number[],
    env: Readonly<Record<string, string>>,
  ) {
    this.readyAtMs = running.startedAtMs;
    this.#running = running;
    this.#setting = setting;
    this.#ports = ports;
    this.#env = env;
  }

  get readiness(): ProbeTarget {
    const { readiness } = this.#setting;
    if (readiness.kind !== 'auto') return targetOf(readiness, this.#ports);
    if (this.#admin === undefined) return targetOf({ kind: 'tcp' }, this.#ports);
    return { ...this.#admin, path: SDK_DEFAULTS.paths.readyz };
  }

  get liveness(): ProbeTarget | undefined {
    const { liveness } = this.#setting;
    return liveness && targetOf(liveness.asks, this.#ports);
  }

  get hook(): PreStopHook | undefined {
    return hookOf(this.#setting, { ports: this.#ports, env: this.#env, admin: this.#admin });
  }

  /** Whether the SDK's admin server would be asked, were it there. */
  get #asksAdmin(): boolean {
    const { readiness, hook } = this.#setting;
    return readiness.kind === 'auto' || hook.kind === 'auto' || hook.kind === 'path';
  }

  async becomeReady(): Promise<void> {
    const { startup, liveness, startTimeoutMs } = this.#setting;
    const deadline = performance.now() + startTimeoutMs;
    if (startup !== undefined) {
      await this.#wait('startup', targetOf(startup.asks, this.#ports), startup.period.timeoutSeconds, deadline);
    }
    await this.#waitForReadiness(deadline);
    if (this.#asksAdmin && (await this.#findAdmin(ADMIN_PORT_MS))) await this.#waitForReadiness(deadline);
    if (this.liveness !== undefined && liveness !== undefined) {
      await this.#wait('liveness', this.liveness, liveness.period.timeoutSeconds, deadline);
    }
  }

  async lookAgain(): Promise<boolean> {
    if (!this.#asksAdmin || this.#admin !== undefined || !(await this.#findAdmin(0))) return false;
    await this.#waitForReadiness(performance.now() + this.#setting.startTimeoutMs);
    return true;
  }

  /** The second port, if the SDK's admin server listens there, which answers `/readyz` whether it is ready or not. */
  async #findAdmin(withinMs: number): Promise<boolean> {
    const [, port] = this.#ports;
    if (port === undefined) return false;
    const admin = { host: HOST, port };
    if (!(await accepts(this.#running, admin, withinMs))) return false;
    const readyz = { ...admin, path: SDK_DEFAULTS.paths.readyz };
    const answers = ({ status }: ProbeResult): boolean => status === 200 || status === 503;
    if ((await firstResult(this.#running, readyz, ADMIN_ANSWER_MS, answers)) !== 'found') return false;
    this.#admin = admin;
    return true;
  }

  async #waitForReadiness(deadline: number): Promise<void> {
    await this.#wait('readiness', this.readiness, this.#setting.readinessPeriod.timeoutSeconds, deadline);
    // What is asked besides takes time of its own, in which it is ready already.
    this.readyAtMs = performance.now();
  }

  async #wait(probe: AskedProbe, target: ProbeTarget, timeoutSeconds: number, deadline: number): Promise<void> {
    const isRight = ({ ok }: ProbeResult): boolean => ok;
    const outcome = await firstResult(this.#running, target, deadline - performance.now(), isRight, timeoutSeconds);
    if (outcome !== 'found') throw await notReady(this.#running, this.#setting, { ...target, probe }, outcome);
  }
}

interface HookContext {
  readonly ports: readonly number[];
  readonly env: Readonly<Record<string, string>>;
  /** The SDK's admin server, where there is one. */
  readonly admin: ProbeTarget | undefined;
}

function hookOf({ hook, cwd }: ServiceSetting, { ports, env, admin }: HookContext): PreStopHook | undefined {
  switch (hook.kind) {
    case 'none':
      return undefined;
    case 'auto':
      return admin && { ...admin, path: SDK_DEFAULTS.paths.prestop, ...tokenHeaders({ ...process.env, ...env }) };
    case 'sleep':
      return { sleepSeconds: hook.seconds };
    case 'exec':
      return { command: hook.command, env, cwd };
    case 'path':
      return { ...httpTarget({ ...hook, slot: 0 }, ports), ...admin };
    case 'http':
      return httpTarget(hook, ports);
  }
}

/** Whether a port accepts a connection within that time; it is asked once at least. */
async function accepts(running: Service, target: ProbeTarget, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let accepted = false;
  await firstResult(running, target, withinMs + ADMIN_ANSWER_MS, ({ ok }) => {
    accepted = ok;
    return ok || performance.now() >= deadline;
  });
  return accepted;
}

function targetOf(asks: ProbeSetting, ports: readonly number[]): ProbeTarget {
  return asks.kind === 'http' ? httpTarget(asks, ports) : { host: HOST, port: ports[asks.slot ?? 0] ?? 0 };
}

function httpTarget({ slot, path, scheme, headers }: HttpTarget, ports: readonly number[]) {
  const optional = { ...(scheme === undefined ? {} : { scheme }), ...(headers === undefined ? {} : { headers }) };
  return { host: HOST, port: ports[slot] ?? 0, path, ...optional };
}

/** Asks until an answer is the right one. */
async function firstResult(
  running: Service,
  target: ProbeTarget,
  ms: number,
  isRight: (result: ProbeResult) => boolean,
  timeoutSeconds = 1,
): Promise<'found' | 'ended' | 'timeout'> {
  let timer: NodeJS.Timeout | undefined;
  let probes: Probes | undefined;
  try {
    return await new Promise((resolve) => {
      timer = setTimeout(() => resolve('timeout'), ms);
      void running.exited.then(() => resolve('ended'));
      probes = startProbes(running, {
        readiness: target,
        periodSeconds: POLL_SECONDS,
        timeoutSeconds,
        onResult: (result) => {
          if (isRight(result)) resolve('found');
        },
      });
    });
  } finally {
    clearTimeout(timer);
    probes?.stop();
  }
}
