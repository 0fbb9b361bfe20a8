/** What a container is granted after its stop signal at the least (kubelet, `minimumGracePeriodInSeconds`). */
const MINIMUM_SECONDS = 2;

/** The pod worker never passes less than one second, not even for `--force --grace-period=0`. */
export function effectiveGraceSeconds(gracePeriodSeconds: number): number {
  return Math.max(1, gracePeriodSeconds);
}

/**
 * Seconds between the stop signal and SIGKILL: what the hook left of the grace period, counted in whole seconds, and never
 * less than 2 (kubelet, `killContainer`).
 */
export function secondsUntilKill(graceSeconds: number, hookMs: number): number {
  return Math.max(MINIMUM_SECONDS, graceSeconds - Math.floor(hookMs / 1000));
}
