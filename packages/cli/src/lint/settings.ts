import { SDK_DEFAULTS } from '../defaults.ts';

/** Numbers that a manifest cannot tell; each can be given per pod by an annotation as well, which wins. */
export interface LintSettings {
  /**
   * Port the SDK's admin server listens on, where the container has no `ADMIN_PORT`.
   * @default 9090
   */
  readonly adminPort: number;
  /**
   * Seconds that callers may be stale after the pod is out of endpoints and registry. Annotation
   * `prestop/floor-seconds`.
   * @default 5
   */
  readonly floorSeconds: number;
  /**
   * Seconds of the longest request that has to be finished. Annotation `prestop/longest-request-seconds`.
   * @default 0 (not stated)
   */
  readonly longestRequestSeconds: number;
  /**
   * Seconds that the closers (pools, telemetry) take together. Annotation `prestop/closers-seconds`.
   * @default 0 (not stated)
   */
  readonly closersSeconds: number;
  /**
   * Seconds kept free at the end. Annotation `prestop/reserve-seconds`.
   * @default 5, but not more than a fifth of the grace period, as in the SDK
   */
  readonly reserveSeconds: number | undefined;
}

export const DEFAULT_SETTINGS: LintSettings = {
  adminPort: SDK_DEFAULTS.adminPort,
  floorSeconds: SDK_DEFAULTS.floorSeconds,
  longestRequestSeconds: 0,
  closersSeconds: 0,
  reserveSeconds: undefined,
};

/** Pod annotations that carry the numbers of {@link LintSettings}, so that the arithmetic stands beside the field. */
export const BUDGET_ANNOTATIONS = {
  floorSeconds: 'prestop/floor-seconds',
  longestRequestSeconds: 'prestop/longest-request-seconds',
  closersSeconds: 'prestop/closers-seconds',
  reserveSeconds: 'prestop/reserve-seconds',
} as const;

/** Annotation on an object or its pod template that turns rules off where comments do not survive rendering. */
export const IGNORE_ANNOTATION = 'prestop/ignore';
