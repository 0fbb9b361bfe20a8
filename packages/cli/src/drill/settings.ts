import type { CallerTls, ClientKind } from '@prestop/testkit';
import type { CaseName } from './cases/case.ts';
import type { FaultName } from './faults/fault.ts';
import type { Lag } from './lag.ts';
import type { DrillRequest } from './requests/request-line.ts';

/** A port of the service. Each pod gets a free one of this machine for it. */
export interface PortSlot {
  /** Environment settings that carry it. */
  readonly settings: readonly string[];
  /** The number in the manifest or in the code; a service that listens on it gets the free one instead. */
  readonly declared?: number;
}

/** Where the kubelet asks: which of {@link DrillSettings.ports}, from 0, and what. */
export interface HttpTarget {
  readonly slot: number;
  readonly path: string;
  readonly scheme?: 'HTTP' | 'HTTPS';
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * `lifecycle.preStop`. `auto`: `GET /prestop` on the second port if the service listens there, as the SDK's admin server
 * does, and no hook otherwise. `path`: on that port as well, and otherwise on the first.
 */
export type HookSetting =
  | { readonly kind: 'auto' }
  | ({ readonly kind: 'path' } & Omit<HttpTarget, 'slot'>)
  | { readonly kind: 'none' }
  | ({ readonly kind: 'http' } & HttpTarget)
  | { readonly kind: 'sleep'; readonly seconds: number }
  | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] };

/** What a probe asks. `tcp`: whether a port accepts connections, default the first. */
export type ProbeSetting = { readonly kind: 'tcp'; readonly slot?: number } | ({ readonly kind: 'http' } & HttpTarget);

/**
 * When a pod is ready. `auto`: the first port accepts connections, and `/readyz` on the second answers 2xx if the service
 * listens there.
 */
export type ReadinessSetting = { readonly kind: 'auto' } | ProbeSetting;

/** How often the kubelet asks, how long it waits for an answer, and how many failures in a row decide. */
export interface ProbePeriod {
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** A probe for which the kubelet restarts the container. */
export interface RestartProbe {
  readonly asks: ProbeSetting;
  readonly period: ProbePeriod;
}

export interface FaultSetting {
  readonly name: FaultName;
  /** What it asks for. Default: the first request that fits. */
  readonly request?: DrillRequest;
  /** Whether somebody asked for it by its name: the drill ends when it cannot be played. Default false: it is left out. */
  readonly named?: boolean;
}

/** One command, and what stands for its pod in the manifest. */
export interface ServiceSetting {
  /** Program and arguments, run without a shell. */
  readonly command: readonly [string, ...string[]];
  /** Added to this process' environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The first is where callers call. */
  readonly ports: readonly [PortSlot, ...PortSlot[]];
  readonly hook: HookSetting;
  /** Has to succeed before the pod is asked anything else, within the longest start. Default: none. */
  readonly startup?: RestartProbe;
  readonly readiness: ReadinessSetting;
  /** How often a pod that is not being deleted is asked whether it is listed. */
  readonly readinessPeriod: ProbePeriod;
  /** Has to succeed once the pod is ready, and is asked until the pod is deleted. Default: none. */
  readonly liveness?: RestartProbe;
  /** Longest start, in milliseconds. */
  readonly startTimeoutMs: number;
  /** `terminationGracePeriodSeconds` of the pod. */
  readonly graceSeconds: number;
  /** The image's `STOPSIGNAL`, or `lifecycle.stopSignal` (KEP-4960). Default `SIGTERM`. */
  readonly stopSignal?: NodeJS.Signals;
  /** `terminationGracePeriodSeconds` of the liveness probe, where it has one. */
  readonly livenessGraceSeconds?: number;
  /**
   * Setting that tells the service the directory of the file registry, which is then where callers look; by default they
   * look in a list that the drill keeps as the endpoint controller would.
   */
  readonly registryDirSetting?: string;
}

/** Who calls, and how late they learn. */
export interface LoadSetting {
  /** At least one. */
  readonly requests: readonly DrillRequest[];
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Callers, each with one request in flight at a time. */
  readonly callers: number;
  /** Mean pause of a caller, in milliseconds. */
  readonly thinkMs: number;
  /** Dealt to the callers in turn. */
  readonly clients: readonly ClientKind[];
  /** When a request is given up and lost, in milliseconds. */
  readonly timeoutMs: number;
  readonly tls?: CallerTls;
  readonly lag: Lag;
  /** Load before the first deletion, in milliseconds. */
  readonly warmUpMs: number;
}

/** Everything a drill needs to know. The command line fills in the defaults. */
export interface DrillSettings {
  readonly service: ServiceSetting;
  readonly load: LoadSetting;
  readonly cases: readonly CaseName[];
  /** Those that somebody asked for by name: the drill ends when one cannot be played. Default none: they are skipped. */
  readonly namedCases?: readonly CaseName[];
  readonly faults: readonly FaultSetting[];
  /** Pods before and after, deleted one after another. */
  readonly replicas: number;
  /** Longest time from deletion to exit that passes, in milliseconds. Default: what the kubelet grants before SIGKILL. */
  readonly maxExitMs?: number;
  /** Decides requests, pauses and lags. */
  readonly seed: number;
}
