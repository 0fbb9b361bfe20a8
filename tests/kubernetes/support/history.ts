import { setTimeout as sleep } from 'node:timers/promises';
import { kubectlLines } from './kubectl.ts';
import type { EndpointSlice, KubeEvent, Pod } from './objects.ts';

/** One change that the API server told of, and when it arrived here. */
export interface Change<T> {
  /** In milliseconds of the monotonic clock. */
  readonly atMs: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

/** A line of a container, and when it arrived here. */
export interface LogLine {
  readonly atMs: number;
  readonly pod: string;
  readonly text: string;
}

const POLL_MS = 20;

/** Everything that happened in a namespace since the start: pods, events, endpoints, and what the containers said. */
export class History {
  readonly pods: Change<Pod>[] = [];
  readonly events: Change<KubeEvent>[] = [];
  readonly endpoints: Change<EndpointSlice>[] = [];
  readonly logs: LogLine[] = [];
  readonly #namespace: string;
  readonly #running: { end(): void }[] = [];
  readonly #followed = new Set<string>();

  constructor(namespace: string) {
    this.#namespace = namespace;
    const api = `/api/v1/namespaces/${namespace}`;
    this.#watch<Pod>(`${api}/pods`, (change) => {
      this.pods.push(change);
      this.#follow(change.object);
    });
    this.#watch<KubeEvent>(`${api}/events`, (change) => this.events.push(change));
    const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    this.#watch<EndpointSlice>(slices, (change) => this.endpoints.push(change));
  }

  /** The pods that are there now, as they were told last. */
  present(): readonly Pod[] {
    const last = new Map<string, Change<Pod>>();
    for (const change of this.pods) last.set(change.object.metadata.name, change);
    return [...last.values()].filter(({ type }) => type !== 'DELETED').map(({ object }) => object);
  }

  /** Reasons of the events about a pod, oldest first. */
  reasons(pod: string): readonly string[] {
    return this.events.filter(({ object }) => object.involvedObject.name === pod).map(({ object }) => object.reason);
  }

  /** Reasons of the warnings about a pod, each once. */
  warnings(pod: string): readonly string[] {
    const about = this.events.filter(({ object }) => object.type === 'Warning' && object.involvedObject.name === pod);
    return [...new Set(about.map(({ object }) => object.reason))];
  }

  /** What a pod's containers have said. */
  said(pod: string): readonly LogLine[] {
    return this.logs.filter((line) => line.pod === pod);
  }

  /** When a pod was first seen so. */
  firstPod(name: string, is: (pod: Pod, change: Change<Pod>) => boolean): Change<Pod> | undefined {
    return this.pods.find((change) => change.object.metadata.name === name && is(change.object, change));
  }

  /**
   * Waits for something that the history shows.
   *
   * @throws Error that says what did not happen.
   */
  async until<T>(what: string, find: () => T | undefined | false, timeoutMs = 60_000): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
      await sleep(POLL_MS);
    }
  }

  end(): void {
    for (const running of this.#running) running.end();
  }

  /** What a person needs to see of a case that failed. */
  describe(): string {
    const last = new Map(this.pods.map(({ type, object }) => [object.metadata.name, { type, object }]));
    const pods = [...last.values()].map(({ type, object: { metadata, status } }) => {
      const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
      const states = all.map(({ name, state, lastState }) => {
        const before = Object.keys(lastState).length === 0 ? '' : `, before ${JSON.stringify(lastState)}`;
        return `${name}: ${JSON.stringify(state)}${before}`;
      });
      return `pod ${metadata.name}: ${type === 'DELETED' ? 'gone' : status.phase}; ${states.join('; ')}`;
    });
    const events = this.events.map(({ object }) => {
      return `event ${object.involvedObject.name}: ${object.reason}: ${object.message}`;
    });
    const logs = this.logs.slice(-LAST_LINES).map(({ pod, text }) => `${pod}: ${text}`);
    const parts = { 'Containers:': pods, 'Events:': events, 'The end of the logs:': logs };
    return Object.entries(parts)
      .map(([title, lines]) => [title, ...lines].join('\n'))
      .join('\n\n');
  }

  #watch<T>(path: string, onChange: (change: Change<T>) => void): void {
    const watching = kubectlLines(['get', '--raw', `${path}?watch=1`], (line) => {
      const { type, object } = JSON.parse(line) as { type: Change<T>['type']; object: T };
      onChange({ atMs: performance.now(), type, object });
    });
    this.#running.push(watching);
  }

  /** From the first moment on: a pod's log vanishes with it. */
  #follow({ metadata: { name }, status }: Pod): void {
    for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      const key = `${name}/${container.name}/${container.restartCount}`;
      const has = container.state.running !== undefined || container.state.terminated !== undefined;
      if (!has || this.#followed.has(key)) continue;
      this.#followed.add(key);
      const args = ['logs', '--follow', '--namespace', this.#namespace, '--container', container.name, name];
      this.#running.push(kubectlLines(args, (text) => this.logs.push({ atMs: performance.now(), pod: name, text })));
    }
  }
}

/** Lines of the containers in the message of a case that failed. */
const LAST_LINES = 60;
