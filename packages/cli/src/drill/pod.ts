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
/** How long an admin port may take to follow the service's own, in milliseconds. */
const ADMIN_PORT_MS = 500;

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
  try {
    const { readyAtMs, ...asked } = await interrupt.race(becomeReady(running, service, ports, environment));
    const startedInMs = readyAtMs - running.startedAtMs;
    return { name, service: running, host: HOST, target: `${HOST}:${first}`, ports, ...asked, startedInMs };
  } catch (error) {
    await running.kill();
    throw error;
  }
}

/** Waits until the service is ready. @returns what the kubelet is to ask from now on, and the hook. */
async function becomeReady(
  running: Service,
  service: ServiceSetting,
  ports: readonly number[],
  env: Readonly<Record<string, string>>,
): Promise<Pick<DrillPod, 'readiness' | 'liveness' | 'hook'> & { readonly readyAtMs: number }> {
  const { startup, readiness, readinessPeriod, liveness, hook } = service;
  const deadline = performance.now() + service.startTimeoutMs;
  const wait = async (probe: AskedProbe, target: ProbeTarget, timeoutSeconds: number): Promise<ProbeTarget> => {
    const outcome = await firstResult(running, target, deadline - performance.now(), ({ ok }) => ok, timeoutSeconds);
    if (outcome !== 'found') throw await notReady(running, service, { ...target, probe }, outcome);
    return target;
  };
  let readyAtMs = running.startedAtMs;
  const waitForReadiness = async (target: ProbeTarget): Promise<ProbeTarget> => {
    await wait('readiness', target, readinessPeriod.timeoutSeconds);
    // What is asked besides takes time of its own, in which it is ready already.
    readyAtMs = performance.now();
    return target;
  };
  if (startup !== undefined) await wait('startup', targetOf(startup.asks, ports), startup.period.timeoutSeconds);
  const asked = await waitForReadiness(targetOf(readiness.kind === 'auto' ? { kind: 'tcp' } : readiness, ports));
  const admin = readiness.kind === 'auto' || hook.kind === 'auto' ? await sdkPort(running, ports[1]) : undefined;
  const ready =
    readiness.kind === 'auto' && admin !== undefined
      ? await waitForReadiness({ ...admin, path: SDK_DEFAULTS.paths.readyz })
      : asked;
  const alive = liveness && (await wait('liveness', targetOf(liveness.asks, ports), liveness.period.timeoutSeconds));
  return { readiness: ready, liveness: alive, readyAtMs, hook: hookOf(service, { ports, env, admin }) };
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
    case 'http':
      return httpTarget(hook, ports);
  }
}

/** The second port, if the SDK's admin server listens there, which answers `/readyz` whether it is ready or not. */
async function sdkPort(running: Service, port: number | undefined): Promise<ProbeTarget | undefined> {
  if (port === undefined) return undefined;
  const target = { host: HOST, port };
  if ((await firstResult(running, target, ADMIN_PORT_MS, ({ ok }) => ok)) !== 'found') return undefined;
  const readyz = { ...target, path: SDK_DEFAULTS.paths.readyz };
  const answers = ({ status }: ProbeResult): boolean => status === 200 || status === 503;
  return (await firstResult(running, readyz, ADMIN_PORT_MS, answers)) === 'found' ? target : undefined;
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
