import { type Probes, startProbes } from '@prestop/testkit';
import type { DrillPod } from './pod.ts';
import type { ProbePeriod } from './settings.ts';

/** What the liveness probes of all pods have seen. */
export interface LivenessEvidence {
  readonly asked: number;
  readonly restarts: readonly Restart[];
}

/** The kubelet would have restarted a container. */
export interface Restart {
  readonly pod: string;
  /** In a row. */
  readonly failures: number;
  /** What the last one got: `status 503`, `ETIMEDOUT`. */
  readonly got: string;
}

/** Asks pods whether they are alive, as the kubelet does until they are deleted; what it would restart goes on here. */
export class LivenessWatch {
  readonly #probes = new Map<DrillPod, Probes>();
  readonly #restarts: Restart[] = [];

  /** A pod without such a probe is left alone. */
  watch(pod: DrillPod, period: ProbePeriod | undefined): void {
    if (pod.liveness === undefined || period === undefined) return;
    let wasPassing = true;
    const probes = startProbes(pod.service, {
      ...period,
      liveness: pod.liveness,
      onResult: ({ status, error = 'no answer' }) => {
        const { passing } = probes.liveness;
        if (wasPassing && !passing) {
          const got = status === undefined ? error : `status ${status}`;
          this.#restarts.push({ pod: pod.name, failures: period.failureThreshold, got });
        }
        wasPassing = passing;
      },
    });
    this.#probes.set(pod, probes);
  }

  /** For the kubelet to end with the pod's deletion. */
  probesOf(pod: DrillPod): Probes | undefined {
    return this.#probes.get(pod);
  }

  /** Undefined where no pod has such a probe. */
  evidence(): LivenessEvidence | undefined {
    if (this.#probes.size === 0) return undefined;
    let asked = 0;
    for (const { liveness } of this.#probes.values()) asked += liveness.sent;
    return { asked, restarts: this.#restarts };
  }

  stop(): void {
    for (const probes of this.#probes.values()) probes.stop();
  }
}
