import type { TerminatePodOptions } from '@prestop/testkit';
import type { ServiceSetting } from '../settings.ts';

/** Ways in which a pod's container comes to be stopped, or almost. */
export const CASE_NAMES = [
  'rolling',
  'signal-only',
  'double-delivery',
  'redelivered',
  'kubelet-restart',
  'grace-shortened',
  'force-delete',
  'hook-only',
  'liveness-restart',
] as const;

export type CaseName = (typeof CASE_NAMES)[number];

export interface Case {
  readonly name: CaseName;
  /** One line. */
  readonly summary: string;
  /** `deleted`: the pod leaves the endpoints at once. Otherwise it stays in them for as long as it is ready. */
  readonly pod: 'deleted' | 'restarted' | 'left-alone';
  /** Without a hook there is nothing to see. */
  readonly needsHook: boolean;
  /**
   * The grace period is shorter than what callers may need by nature: requests sent after the kubelet's last moment count
   * as lost by the case and not by the service.
   */
  readonly cutsGrace: boolean;
  /** How the kubelet goes about it. */
  readonly deletion: (service: ServiceSetting) => Omit<TerminatePodOptions, 'preStop' | 'probes'>;
}

/** When the kubelet restarts, or the second deletion comes, in milliseconds after the first. */
const INTERRUPTED_AFTER_MS = 500;

const CASE_LIST: readonly Case[] = [
  {
    name: 'rolling',
    summary: 'the pod is deleted: hook, SIGTERM, SIGKILL at the end of the grace period',
    pod: 'deleted',
    needsHook: false,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({ gracePeriodSeconds: graceSeconds }),
  },
  {
    name: 'signal-only',
    summary: 'SIGTERM without the hook: docker stop, a node that shuts down in a hurry',
    pod: 'deleted',
    needsHook: false,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({ gracePeriodSeconds: graceSeconds }),
  },
  {
    name: 'double-delivery',
    summary: 'the hook arrives twice in the same moment ("at least once")',
    pod: 'deleted',
    needsHook: true,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({ gracePeriodSeconds: graceSeconds, redelivery: 'at-once' }),
  },
  {
    name: 'redelivered',
    summary: 'the hook arrives again after it was answered, before SIGTERM',
    pod: 'deleted',
    needsHook: true,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({ gracePeriodSeconds: graceSeconds, redelivery: 'after-answer' }),
  },
  {
    name: 'kubelet-restart',
    summary: 'the kubelet dies during the hook and begins again, with the full grace period',
    pod: 'deleted',
    needsHook: true,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({
      gracePeriodSeconds: graceSeconds,
      redelivery: { kubeletRestartAfterMs: INTERRUPTED_AFTER_MS },
    }),
  },
  {
    name: 'grace-shortened',
    summary: 'deleted again during the hook, with a third of the grace period',
    pod: 'deleted',
    needsHook: true,
    cutsGrace: true,
    deletion: ({ graceSeconds }) => ({
      gracePeriodSeconds: graceSeconds,
      graceShortened: { afterMs: INTERRUPTED_AFTER_MS, gracePeriodSeconds: Math.max(2, Math.floor(graceSeconds / 3)) },
    }),
  },
  {
    name: 'force-delete',
    summary: 'kubectl delete --force --grace-period=0, an eviction: 1 s for the hook, 2 s after SIGTERM',
    pod: 'deleted',
    needsHook: false,
    cutsGrace: true,
    deletion: () => ({ gracePeriodSeconds: 0 }),
  },
  {
    name: 'hook-only',
    summary: 'the hook is called and no signal follows: a mistaken call; the service has to be ready again',
    pod: 'left-alone',
    needsHook: true,
    cutsGrace: false,
    deletion: ({ graceSeconds }) => ({ gracePeriodSeconds: graceSeconds, stopSignal: 'none' }),
  },
  {
    name: 'liveness-restart',
    summary: 'the container is restarted in place: hook, SIGTERM, and the same ports again',
    pod: 'restarted',
    needsHook: false,
    cutsGrace: false,
    deletion: ({ graceSeconds, livenessGraceSeconds }) => ({
      gracePeriodSeconds: livenessGraceSeconds ?? graceSeconds,
    }),
  },
];

export const CASES: ReadonlyMap<CaseName, Case> = new Map(CASE_LIST.map((each) => [each.name, each]));

/** @throws Error for a name that is not one of {@link CASE_NAMES}. */
export function caseNamed(name: CaseName): Case {
  const found = CASES.get(name);
  if (found === undefined) throw new Error(`there is no case "${String(name)}"`);
  return found;
}
