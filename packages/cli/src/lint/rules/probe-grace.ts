import { removePair } from '../../yaml/edit.ts';
import type { Rule } from '../rule.ts';
import { graceText, graceUnknown, sdkContainers } from '../workload.ts';
import { SOURCES } from './sources.ts';

const FIELD = 'terminationGracePeriodSeconds';

/** The grace period of a probe, which takes the place of the pod's when the probe has failed (KEP-2238). */
export const probeGraceRules: readonly Rule[] = [
  {
    code: 'PS032',
    name: 'readiness-probe-grace',
    severity: 'error',
    summary: 'A readiness probe has no terminationGracePeriodSeconds.',
    why: 'A failed readiness probe stops nothing; the API refuses the field there.',
    source: SOURCES.probeGrace,
    fix: 'Remove it, or put it on the liveness or startup probe.',
    fixable: true,
    *check({ workload }) {
      for (const container of workload.containers) {
        for (const probe of container.probes) {
          if (probe.kind !== 'readinessProbe' || !probe.grace.exists) continue;
          yield {
            at: probe.grace,
            key: true,
            container,
            message: `readinessProbe.${FIELD} is refused by the API`,
            edits: [removePair(probe.at, FIELD)],
          };
        }
      }
    },
  },
  {
    code: 'PS033',
    name: 'probe-grace-too-long',
    severity: 'warning',
    summary: "A probe's grace period is not longer than the pod's.",
    why: 'It replaces the grace period when the probe has failed, and is there to shorten it: a process that hangs has nothing to finish.',
    source: SOURCES.probeGrace,
    fix: "Set it below the pod's terminationGracePeriodSeconds.",
    fixable: false,
    *check({ workload }) {
      if (graceUnknown(workload)) return;
      for (const container of workload.containers) {
        for (const probe of container.probes) {
          const seconds = probe.grace.integer;
          if (seconds === undefined || seconds <= workload.graceSeconds || probe.kind === 'readinessProbe') continue;
          yield {
            at: probe.grace,
            container,
            message: `${probe.kind}.${FIELD} is ${seconds}, the pod's is ${graceText(workload)}: a hanging process is kept longer than a healthy one`,
            advice: `set it to at most ${workload.graceSeconds}`,
          };
        }
      }
    },
  },
  {
    code: 'PS034',
    name: 'liveness-without-grace',
    severity: 'info',
    summary: 'The liveness probe has its own, short grace period.',
    why: 'A liveness failure runs the hook too. When the event loop is blocked nobody answers it, and the restart waits for the whole grace period.',
    source: SOURCES.probeGrace,
    fix: 'Set livenessProbe.terminationGracePeriodSeconds to a few seconds, for example 10.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      for (const container of sdkContainers(workload)) {
        for (const probe of container.probes) {
          if (probe.kind !== 'livenessProbe' || probe.grace.exists || workload.graceSeconds <= 10) continue;
          yield {
            at: probe.at,
            key: true,
            container,
            message: `a blocked event loop is restarted only after ${graceText(workload)}: livenessProbe has no ${FIELD} of its own`,
            advice: `add ${FIELD}: 10 to livenessProbe`,
          };
        }
      }
    },
  },
];
