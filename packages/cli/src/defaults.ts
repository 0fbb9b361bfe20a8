/**
 * What the SDK does when nobody tells it otherwise, as far as a manifest can agree or disagree with it. Seconds where a
 * name ends in `Seconds`. The manifest checks, the generator and the exec handler read these and nothing else.
 */
export const SDK_DEFAULTS = {
  /** Port of the admin server. */
  adminPort: 9090,
  /** Name that the manifests of this project give to the admin port. */
  adminPortName: 'admin',
  paths: {
    prestop: '/prestop',
    poststart: '/poststart',
    livez: '/livez',
    readyz: '/readyz',
  },
  /** Kubernetes' own default for the field of the same name. */
  terminationGracePeriodSeconds: 30,
  /** Kept free at the end of the grace period for closers, report and exit, and never more than this share of it. */
  reserveSeconds: 5,
  reserveShare: 0.2,
  /** Share of the time before the reserve that is kept for requests in flight when callers never stop coming. */
  drainShare: 0.4,
  /** How long callers may be stale after the pod is gone from where they look: endpoints, kube-proxy, a registry client. */
  floorSeconds: 5,
  /** The same for callers that look the service up in a registry: the adapters' own defaults. */
  registryFloorSeconds: { consul: 1, nacos: 11, file: 1, none: 0 },
  /** Environment setting that carries the pod's `terminationGracePeriodSeconds` to the service. */
  graceSetting: 'TERMINATION_GRACE_PERIOD_SECONDS',
  /** Environment setting that carries the admin port where it is not the default. */
  adminPortSetting: 'ADMIN_PORT',
  /** Environment setting that carries the token of the admin server, at least 8 visible characters. */
  tokenSetting: 'PRESTOP_TOKEN',
  tokenHeader: 'x-prestop-token',
  /** Signals that begin a termination. */
  signals: ['SIGTERM', 'SIGINT'],
} as const;

/** The SDK's default reserve for a grace period. Both in seconds. */
export function defaultReserve(graceSeconds: number): number {
  return Math.min(SDK_DEFAULTS.reserveSeconds, graceSeconds * SDK_DEFAULTS.reserveShare);
}

/** The least whole grace period that holds `rest` and the SDK's default reserve. Both in seconds. */
export function leastGrace(rest: number): number {
  const share = rest / (1 - SDK_DEFAULTS.reserveShare);
  // Rounded first: 12 / 0.8 is a little more than 15 to a computer.
  return Math.ceil(Math.round(Math.min(share, rest + SDK_DEFAULTS.reserveSeconds) * 1e6) / 1e6);
}

/** Kubelet and API server constants that the arithmetic needs. Seconds. */
export const KUBERNETES_DEFAULTS = {
  terminationGracePeriodSeconds: 30,
  /** What is left for SIGTERM when the hook has used up everything (`minimumGracePeriodInSeconds`). */
  minimumGraceSeconds: 2,
} as const;
