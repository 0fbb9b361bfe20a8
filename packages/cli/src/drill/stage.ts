import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Callers, type CallerTally, type Probes, startCallers, startProbes } from '@prestop/testkit';
import type { Case } from './cases/case.ts';
import { endpointDirectory, type PodDirectory, registryDirectory } from './directory.ts';
import { endedEarly } from './ended-early.ts';
import { DrillError } from './errors.ts';
import type { DrillListener } from './events.ts';
import type { Interrupt } from './interrupt.ts';
import { lagsOf } from './lag.ts';
import { LivenessWatch } from './liveness-watch.ts';
import { type DrillPod, startPod } from './pod.ts';
import { Recorder } from './recorder.ts';
import { type DrillRequest, requestKind } from './requests/request-line.ts';
import type { DrillSettings } from './settings.ts';

/** Longest wait until a pod that is ready is also listed, in milliseconds. */
const LISTED_MS = 10_000;
const PROGRESS_MS = 200;

/** Pods, callers and the list between them, for one case. Ends everything it has started. */
export class Stage {
  readonly recorder: Recorder = new Recorder();
  readonly liveness: LivenessWatch = new LivenessWatch();
  readonly directory: PodDirectory;
  readonly registryDir: string | undefined;
  /** Of each caller, in milliseconds. */
  readonly lagsMs: readonly number[];
  readonly #settings: DrillSettings;
  readonly #case: Case;
  readonly #emit: DrillListener;
  readonly #interrupt: Interrupt;
  readonly #pods: DrillPod[] = [];
  /** Pods that are being stopped. */
  readonly #mayEnd = new Set<DrillPod>();
  readonly #probes: Probes[] = [];
  readonly #cleanups: (() => void)[] = [];
  #callers: Callers | undefined;
  #podsStarted = 0;

  static async open(settings: DrillSettings, info: Case, emit: DrillListener, interrupt: Interrupt): Promise<Stage> {
    const { registryDirSetting } = settings.service;
    const dir = registryDirSetting === undefined ? undefined : await mkdtemp(join(tmpdir(), 'prestop-drill-'));
    return new Stage(settings, info, emit, interrupt, dir);
  }

  private constructor(
    settings: DrillSettings,
    info: Case,
    emit: DrillListener,
    interrupt: Interrupt,
    registryDir: string | undefined,
  ) {
    this.#settings = settings;
    this.#case = info;
    this.#emit = emit;
    this.#interrupt = interrupt;
    this.registryDir = registryDir;
    this.directory = registryDir === undefined ? endpointDirectory() : registryDirectory(registryDir);
    this.lagsMs = lagsOf(settings.load.lag, settings.load.callers, settings.seed);
  }

  /** @throws Error before {@link startCalling}. */
  get callers(): Callers {
    if (this.#callers === undefined) throw new Error('nobody calls yet');
    return this.#callers;
  }

  get elapsedMs(): number {
    return this.#callers?.counters().elapsedMs ?? 0;
  }

  /** Starts a pod and lists it, or the container of a pod again. @throws DrillError */
  async start(inPlaceOf?: DrillPod): Promise<DrillPod> {
    const { service } = this.#settings;
    const name = inPlaceOf?.name ?? `pod-${++this.#podsStarted}`;
    this.#emit({ type: 'pod-starting', pod: name, timeoutMs: service.startTimeoutMs });
    const pod = await startPod({
      name,
      service,
      env: this.#registryEnvironment(),
      interrupt: this.#interrupt,
      ...(inPlaceOf === undefined ? {} : { ports: inPlaceOf.ports }),
    });
    this.#pods.push(pod);
    void pod.service.exited.then((exit) => {
      if (!this.#mayEnd.has(pod)) this.#interrupt.end(endedEarly(pod, service, exit));
    });
    await this.#list(pod);
    await this.checkRunning();
    this.liveness.watch(pod, service.liveness?.period);
    const { target, startedInMs } = pod;
    this.#emit({ type: 'pod-ready', pod: name, target, startedInMs });
    return pod;
  }

  /** Once more before it is stopped: an admin server may come later than the service itself. @throws DrillError */
  async lookAgain(pod: DrillPod): Promise<void> {
    if (await pod.lookAgain()) await this.#list(pod);
  }

  /** It is being stopped: its end is a result from now on. Any other ends the case. */
  mayEnd(pod: DrillPod): void {
    this.#mayEnd.add(pod);
  }

  /** @throws DrillError `ERR_PRESTOP_DRILL_SERVICE` for a process that has ended and is not being stopped. */
  async checkRunning(): Promise<void> {
    const ended = this.#pods.find((pod) => !pod.service.running && !this.#mayEnd.has(pod));
    if (ended !== undefined) throw endedEarly(ended, this.#settings.service, await ended.service.exited);
  }

  startCalling(requests: readonly DrillRequest[]): void {
    const { load, seed } = this.#settings;
    const { headers, callers: count, thinkMs, clients, timeoutMs, tls } = load;
    this.#callers = startCallers({
      discover: this.directory.discover,
      requests: requests.map((request) => requestKind(request, headers)),
      count,
      lagMs: this.lagsMs,
      thinkMs,
      clients,
      timeoutMs,
      seed,
      progressEveryMs: PROGRESS_MS,
      onSent: this.recorder.sent,
      onSettled: this.recorder.settled,
      onProgress: (counters) => this.#emit({ type: 'progress', counters, late: this.recorder.lateCount }),
      ...(tls === undefined ? {} : { tls }),
    });
  }

  /** No more requests; those in flight are finished. */
  async stopCalling(): Promise<CallerTally> {
    return this.#interrupt.race(this.callers.stop());
  }

  /** To be called when the stage closes, last first. */
  onClose(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.toReversed()) cleanup();
    for (const probes of this.#probes) probes.stop();
    this.liveness.stop();
    for (const pod of this.#pods) this.mayEnd(pod);
    await Promise.all(this.#pods.map(({ service }) => service.kill()));
    await this.#callers?.stop();
    if (this.registryDir !== undefined) await rm(this.registryDir, { recursive: true, force: true });
  }

  async #list(pod: DrillPod): Promise<void> {
    // The endpoints of a pod that is deleted do not ask it; those of one that stays do.
    const probes = this.#case.pod === 'deleted' || this.registryDir !== undefined ? undefined : this.probe(pod);
    if (probes !== undefined) await this.#interrupt.until(() => probes.readiness.passing, LISTED_MS);
    this.directory.add(pod.target, probes);
    const look = async (): Promise<boolean> => {
      if (this.#callers !== undefined) return this.directory.isListed(pod.target);
      return (await this.directory.discover()).includes(pod.target);
    };
    const deadline = performance.now() + LISTED_MS;
    while (!(await look())) {
      if (performance.now() > deadline) {
        throw new DrillError('ERR_PRESTOP_DRILL_SERVICE', `${pod.name} is ready, but not in the registry`, {
          hint: 'it must register under the port that it was given, in the directory that --registry names',
        });
      }
      await this.#interrupt.pause(20);
    }
  }

  /** Asks the pod for its readiness as often as the kubelet does, until the stage closes. */
  probe({ service, readiness }: DrillPod): Probes {
    const probes = startProbes(service, { readiness, ...this.#settings.service.readinessPeriod });
    this.#probes.push(probes);
    return probes;
  }

  #registryEnvironment(): Record<string, string> {
    const { registryDirSetting } = this.#settings.service;
    return registryDirSetting === undefined || this.registryDir === undefined
      ? {}
      : { [registryDirSetting]: this.registryDir };
  }
}
