import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import { SDK_DEFAULTS } from '../defaults.ts';
import { CliError, systemMessage, usageError } from '../errors.ts';
import { type Container, resolvePort } from '../lint/container.ts';
import type { Hook, HttpTarget as ManifestHttp } from '../lint/hook.ts';
import type { Probe, ProbeKind } from '../lint/probe.ts';
import { type Resource, resourcesIn } from '../lint/resource.ts';
import { readWorkload, type Workload } from '../lint/workload.ts';
import { Tree } from '../yaml/cursor.ts';
import { parseDocuments } from '../yaml/parse.ts';
import { Source } from '../yaml/source.ts';
import { tokenHeaders } from './hook-token.ts';
import { PodPorts } from './manifest-ports.ts';
import { type ManifestSettings, settingsOf } from './manifest-settings.ts';
import { isSignal } from './option-values.ts';
import type {
  HookSetting,
  HttpTarget,
  PortSlot,
  ProbePeriod,
  ProbeSetting,
  RestartProbe,
  ServiceSetting,
} from './settings.ts';

/** What a manifest says about the pod that a service runs in. */
export interface ManifestPod
  extends Pick<
    ServiceSetting,
    | 'env'
    | 'hook'
    | 'startup'
    | 'readiness'
    | 'readinessPeriod'
    | 'liveness'
    | 'graceSeconds'
    | 'stopSignal'
    | 'livenessGraceSeconds'
  > {
  /** `Deployment/orders`, and its container. */
  readonly title: string;
  readonly ports: readonly PortSlot[];
  /** What could not be taken over, for people. */
  readonly notes: readonly string[];
}

export interface ManifestChoice {
  /** Name of the Deployment, StatefulSet or the like. Default: the only one. */
  readonly workload?: string;
  /** Default: the only container, else the first with a preStop hook. */
  readonly container?: string;
  /** Whether a hook may run a command of the manifest on this machine. */
  readonly allowExec: boolean;
  /** How the user says that the service takes its ports, the callers' first; see `--port`. Default: none is said. */
  readonly ports?: readonly string[];
  /** Whether the user gives another hook, so that one that cannot be played does not matter. Default false. */
  readonly hookIsGiven?: boolean;
  /** Settings that the user gives; they win over those of the manifest. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Reads a file, or the YAML files of a folder as `kubectl apply -f` does: those right in it.
 *
 * @throws CliError for what cannot be read and for a pod that cannot be chosen or played.
 */
export async function readManifest(path: string, cwd: string, choice: ManifestChoice): Promise<ManifestPod> {
  const resources: Resource[] = [];
  try {
    for (const file of await filesOf(path, cwd)) {
      resources.push(...objectsIn(file, await readFile(resolvePath(cwd, file), 'utf8')));
    }
  } catch (error) {
    throw error instanceof CliError ? error : usageError(`--manifest: cannot read ${path}: ${systemMessage(error)}`);
  }
  return podOf(path, resources, choice);
}

async function filesOf(path: string, cwd: string): Promise<string[]> {
  if (!(await stat(resolvePath(cwd, path))).isDirectory()) return [path];
  const names = (await readdir(resolvePath(cwd, path))).filter((name) => /\.ya?ml$/.test(name)).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw usageError(`${path} has no YAML file right in it`, 'name the folder or the file that has the workload');
}

/** @throws CliError, as {@link readManifest}. */
export function podInManifest(file: string, text: string, choice: ManifestChoice): ManifestPod {
  return podOf(file, objectsIn(file, text), choice);
}

function podOf(path: string, resources: readonly Resource[], choice: ManifestChoice): ManifestPod {
  const workloads = resources.map(readWorkload).filter((workload) => workload !== undefined);
  const workload = chooseWorkload(path, workloads, choice.workload);
  const container = chooseContainer(workload, choice.container);
  const settings = settingsOf(container, { workload, resources, given: choice.env ?? {} });
  return new PodReader(workload, container, settings, choice).read();
}

function objectsIn(file: string, text: string): Resource[] {
  const source = new Source(file, text);
  const documents = parseDocuments(source, ({ line, message }) => {
    throw usageError(`${file}:${line}: ${message}`);
  });
  return [...documents].flatMap((document) => [...resourcesIn(new Tree(source, document).root())]);
}

function chooseWorkload(file: string, workloads: readonly Workload[], name: string | undefined): Workload {
  const fitting = workloads.filter(
    ({ resource, title }) => name === undefined || name === title || name === resource.name,
  );
  const [first, ...others] = fitting;
  const titles = workloads.map(({ title }) => title).join(', ');
  if (first === undefined) {
    throw usageError(name === undefined ? `${file} has no pod in it` : `${file} has no workload "${name}": ${titles}`);
  }
  if (others.length > 0) throw usageError(`${file} has several workloads: ${titles}`, '--workload says which');
  return first;
}

function chooseContainer({ title, containers }: Workload, name: string | undefined): Container {
  const candidates = containers.filter(({ role }) => role !== 'init');
  const found =
    name === undefined
      ? (candidates.find(({ preStop }) => preStop !== undefined) ?? candidates[0])
      : candidates.find((container) => container.name === name);
  if (found !== undefined) return found;
  throw usageError(`${title} has no container "${name ?? ''}"`, candidates.map((each) => each.name).join(', '));
}

/** Kubernetes' own defaults of a probe. */
const PROBE_DEFAULTS: ProbePeriod = { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3 };

class PodReader {
  readonly #workload: Workload;
  readonly #container: Container;
  readonly #choice: ManifestChoice;
  readonly #env: Readonly<Record<string, string>>;
  readonly #notes: string[];
  readonly #ports: PodPorts;

  constructor(workload: Workload, container: Container, settings: ManifestSettings, choice: ManifestChoice) {
    this.#workload = workload;
    this.#container = container;
    this.#env = settings.env;
    this.#notes = [...settings.notes];
    this.#choice = choice;
    const note = (text: string): void => void this.#notes.push(text);
    this.#ports = new PodPorts(container, { env: settings.env, asked: choice.ports ?? [], note });
  }

  read(): ManifestPod {
    const { preStop } = this.#container;
    const livenessGrace = this.#probe('livenessProbe')?.grace.integer;
    const hook = this.#hook(preStop);
    const readiness = this.#asked('readinessProbe', 'found out instead') ?? { kind: 'auto' };
    const startup = this.#restartProbe('startupProbe');
    const liveness = this.#restartProbe('livenessProbe');
    const stopSignal = this.#stopSignal();
    const slots = this.#ports.slots(hook.kind === 'http' ? hook.slot : undefined);
    return {
      title: `${this.#workload.title}, container ${this.#container.name}`,
      env: this.#env,
      ports: slots,
      hook,
      readiness,
      readinessPeriod: this.#period('readinessProbe'),
      graceSeconds: this.#workload.graceSeconds,
      ...(startup === undefined ? {} : { startup }),
      ...(liveness === undefined ? {} : { liveness }),
      ...(stopSignal === undefined ? {} : { stopSignal }),
      ...(livenessGrace === undefined ? {} : { livenessGraceSeconds: livenessGrace }),
      notes: this.#notes,
    };
  }

  #hook(hook: Hook | undefined): HookSetting {
    if (hook === undefined) return { kind: 'none' };
    if (hook.http !== undefined) {
      const target = this.#target(hook.http, 'the hook');
      if (target === undefined) {
        return this.#notPlayed(`${this.#workload.title}: the port of the preStop hook cannot be resolved`);
      }
      return { kind: 'http', ...target };
    }
    if (hook.sleep?.native === true && hook.sleep.seconds > this.#workload.graceSeconds) {
      return this.#notPlayed(
        `the preStop hook of ${this.#workload.title} must not sleep longer than terminationGracePeriodSeconds, ${this.#workload.graceSeconds}, not ${hook.sleep.seconds}`,
        'Kubernetes refuses such a pod',
      );
    }
    if (hook.sleep?.certain === true) return { kind: 'sleep', seconds: hook.sleep.seconds };
    if (hook.exec === undefined) {
      this.#notes.push('a tcpSocket hook does nothing; played without a hook');
      return { kind: 'none' };
    }
    const { calls, argv } = hook.exec;
    if (calls !== undefined) {
      this.#notes.push(`the command of the hook asks /${calls.endpoint}; the drill asks it itself`);
      const slot = this.#ports.slotOf(calls.port ?? this.#ports.admin);
      return { kind: 'http', slot, path: SDK_DEFAULTS.paths[calls.endpoint], ...tokenHeaders(this.#env) };
    }
    const [program, ...args] = argv;
    if (!this.#choice.allowExec || program === undefined) {
      return this.#notPlayed(
        `the preStop hook of ${this.#workload.title} runs a command: ${argv.join(' ')}`,
        '--allow-exec runs it on this machine; --hook plays another one',
      );
    }
    return { kind: 'exec', command: [program, ...args] };
  }

  /** @throws CliError where it is this hook that is wanted. */
  #notPlayed(why: string, hint?: string): HookSetting {
    if (this.#choice.hookIsGiven) return { kind: 'none' };
    throw usageError(why, hint);
  }

  #stopSignal(): NodeJS.Signals | undefined {
    const { text } = this.#container.at.at('lifecycle', 'stopSignal');
    if (text === undefined || isSignal(text)) return text;
    this.#notes.push(`stopSignal ${text} cannot be sent from here; SIGTERM is`);
    return undefined;
  }

  #probe(kind: ProbeKind): Probe | undefined {
    return this.#container.probes.find((probe) => probe.kind === kind);
  }

  #restartProbe(kind: ProbeKind): RestartProbe | undefined {
    const asks = this.#asked(kind, 'not asked');
    return asks && { asks, period: this.#period(kind) };
  }

  /** @param otherwise What is done where it cannot be asked. */
  #asked(kind: ProbeKind, otherwise: string): ProbeSetting | undefined {
    const probe = this.#probe(kind);
    if (probe === undefined) return undefined;
    const { http, port } = probe;
    if (http !== undefined) {
      const target = this.#target(http, `the ${kind}`);
      if (target !== undefined) return { kind: 'http', ...target };
    } else if (port !== undefined) {
      const number = resolvePort(port, this.#container)?.number;
      if (number !== undefined) return { kind: 'tcp', slot: this.#ports.slotOf(number) };
    }
    this.#notes.push(
      port === undefined
        ? `the ${kind} is no httpGet and no tcpSocket; ${otherwise}`
        : `the port of the ${kind} cannot be resolved; ${otherwise}`,
    );
    return undefined;
  }

  #period(kind: ProbeKind): ProbePeriod {
    const probe = this.#probe(kind);
    // 0 is what the API server takes for a number that is not given.
    const number = (name: keyof ProbePeriod): number => probe?.at.get(name).integer || PROBE_DEFAULTS[name];
    return {
      periodSeconds: number('periodSeconds'),
      timeoutSeconds: number('timeoutSeconds'),
      failureThreshold: number('failureThreshold'),
    };
  }

  #target(http: ManifestHttp, what: string): HttpTarget | undefined {
    const port = resolvePort(http.port, this.#container)?.number;
    if (port === undefined) return undefined;
    if (http.host.exists) this.#notes.push(`${what} names a host; the pod is asked instead`);
    const headers = [...http.headers].map(([name, value]) => [name, value.text ?? ''] as const);
    return {
      slot: this.#ports.slotOf(port),
      path: http.path.text ?? '/',
      ...(http.scheme.text === 'HTTPS' ? { scheme: 'HTTPS' } : {}),
      ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
    };
  }
}
