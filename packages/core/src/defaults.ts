/**
 * The number behind every default, in one place: code, documents and manifests are tested against it.
 */
export const DEFAULTS = {
  /** Kubernetes' own default for a pod, in seconds. */
  terminationGracePeriodSeconds: 30,
  /** Kept for closers, report and exit, in milliseconds, and never more than a fifth of the grace period. */
  reserveMs: 5_000,
  reserveShare: 0.2,
  /** Longest phase `deregistering`, in milliseconds, and never more than a quarter of the budget. */
  deregistrationMs: 5_000,
  deregistrationShare: 0.25,
  /** Share of the budget that is kept for draining when the callers never stop. */
  drainShare: 0.4,
  /** Floor without any registry, in milliseconds: how stale kube-proxy, an ingress or a mesh may be. */
  endpointsSettleMs: 5_000,
  quiet: { minMs: 1_000, maxMs: 5_000, missedRequests: 7 },
  /** How long after the answer to `/prestop` a signal is waited for, in milliseconds. */
  resumeAfterMs: 10_000,
  longLived: { eventStreams: 'wait', tunnels: 'wait', upgrades: 'wait' },
  admin: { port: 9_090 },
  signals: ['SIGTERM', 'SIGINT'],
} as const;

/**
 * How long before SIGKILL the process must have exited, in milliseconds. That much, because timers come late in a process
 * that is short of CPU time: ended with a report and an exit code of its own is better than killed.
 */
export const EXIT_MARGIN_MS = 500;

/**
 * A signal while the hook is still being waited for means that the kubelet's budget is used up: SIGKILL follows after
 * 2 s (minimumGracePeriodInSeconds in the kubelet's kuberuntime_container.go). Requests get the first part, closers the rest.
 */
export const FAST_PATH: { readonly requestsMs: number; readonly totalMs: number } = {
  requestsMs: 1_100,
  totalMs: 2_000 - EXIT_MARGIN_MS,
};

/** How long before the deadline the requests' `deadline` signals abort, in milliseconds, so that they can still answer. */
export const ABORT_LEAD_MS = 250;
