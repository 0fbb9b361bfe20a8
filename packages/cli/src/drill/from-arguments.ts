import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CallerTls, ClientKind } from '@prestop/testkit';
import { Arguments } from '../commands/arguments.ts';
import type { Command } from '../commands/command.ts';
import { SDK_DEFAULTS } from '../defaults.ts';
import { systemMessage, usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { CASE_NAMES, type CaseName } from './cases/case.ts';
import { splitCommand } from './command-line.ts';
import { DRILL_DEFAULTS } from './command-options.ts';
import { chosenFaults } from './faults/chosen.ts';
import { LAG_FORMS, type Lag, parseLag } from './lag.ts';
import { type ManifestPod, readManifest } from './manifest.ts';
import {
  durationOf,
  type HookContext,
  headerOf,
  hookOf,
  oneOf,
  portSlot,
  portSlots,
  readinessOf,
  settingOf,
  signalOf,
} from './option-values.ts';
import { chosenRequests, requestsInDocument } from './requests/chosen.ts';
import type { DrillRequest } from './requests/request-line.ts';
import type { DrillSettings, FaultSetting, HookSetting, ServiceSetting } from './settings.ts';

/** Where the result goes. */
export interface OutputSettings {
  readonly json: boolean;
  readonly junit: string | undefined;
  readonly html: string | undefined;
  readonly quiet: boolean;
  readonly dryRun: boolean;
}

/** A command line, understood. */
export interface DrillOrder {
  readonly settings: DrillSettings;
  /** The other command, with everything else the same. */
  readonly compared: DrillSettings | undefined;
  readonly output: OutputSettings;
  /** What is worth knowing before it begins. */
  readonly notes: readonly string[];
}

/** @throws CliError for an option that does not hold or a file that cannot be read. */
export async function orderFrom(command: Command, args: readonly string[], io: Io): Promise<DrillOrder> {
  const end = args.indexOf('--');
  const [before, after] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  const given = new Given(command, before, io);
  const [program, ...rest] = after;
  if (given.positionals.length > 0) {
    throw usageError(
      `"${given.positionals[0]}" is no option`,
      'the command comes after --: prestop drill -- node server.js',
    );
  }
  if (program === undefined) throw usageError('there is no command to drill', 'prestop drill -- node server.js');

  const manifest = await given.manifest();
  const service = await given.service([program, ...rest], manifest);
  const requests = await given.requests();
  const settings: DrillSettings = {
    service,
    load: await given.load(requests),
    ...given.cases(),
    faults: given.faults(requests, service.registryDirSetting !== undefined),
    replicas: given.number('replicas', 1, 20) ?? DRILL_DEFAULTS.replicas,
    ...given.maxExit(),
    seed: given.number('seed', 0, 0xffff_ffff) ?? DRILL_DEFAULTS.seed,
  };
  return {
    settings,
    compared: given.compared(settings),
    output: given.output(),
    notes: manifest === undefined ? [] : [`manifest: ${manifest.title}`, ...manifest.notes],
  };
}

const CLIENTS: readonly ClientKind[] = ['node', 'undici', 'new-connection', 'http2'];

class Given {
  readonly #arguments: Arguments;
  readonly #io: Io;

  constructor(command: Command, args: readonly string[], io: Io) {
    this.#arguments = new Arguments(command, args);
    this.#io = io;
  }

  get positionals(): readonly string[] {
    return this.#arguments.positionals;
  }

  number(name: string, min: number, max: number): number | undefined {
    return this.#arguments.number(name, { min, max, whole: true });
  }

  async manifest(): Promise<ManifestPod | undefined> {
    const file = this.#arguments.text('manifest');
    const workload = this.#arguments.text('workload');
    const container = this.#arguments.text('container');
    const allowExec = this.#arguments.flag('allow-exec');
    if (file === undefined) {
      if (workload !== undefined || container !== undefined || allowExec) {
        throw usageError('--workload, --container and --allow-exec need a --manifest');
      }
      return undefined;
    }
    return readManifest(file, this.#io.cwd, {
      env: this.#env(),
      allowExec,
      ports: this.#arguments.list('port'),
      hookIsGiven: this.#arguments.text('hook') !== undefined,
      ...(workload === undefined ? {} : { workload }),
      ...(container === undefined ? {} : { container }),
    });
  }

  async service(command: ServiceSetting['command'], manifest: ManifestPod | undefined): Promise<ServiceSetting> {
    const ports = this.#ports(manifest);
    const registry = this.#registry();
    const ready = this.#arguments.text('ready');
    const { startup, liveness, livenessGraceSeconds } = manifest ?? {};
    const signal = this.#arguments.text('stop-signal');
    const stopSignal = signal === undefined ? manifest?.stopSignal : signalOf(signal);
    const graceSeconds = this.number('grace', 0, 86_400) ?? manifest?.graceSeconds ?? DRILL_DEFAULTS.graceSeconds;
    // Where there is a manifest, whether the two numbers agree is a part of what is drilled.
    const env = { ...(manifest?.env ?? { [SDK_DEFAULTS.graceSetting]: String(graceSeconds) }), ...this.#env() };
    return {
      command,
      cwd: this.#io.cwd,
      env,
      ports,
      hook: this.#hook('hook', this.#hookContext({ ports, graceSeconds, env })) ?? manifest?.hook ?? { kind: 'auto' },
      readiness: ready === undefined ? (manifest?.readiness ?? { kind: 'auto' }) : readinessOf(ready, ports),
      readinessPeriod: manifest?.readinessPeriod ?? DRILL_DEFAULTS.readinessPeriod,
      startTimeoutMs: this.#duration('start-timeout', 1) ?? DRILL_DEFAULTS.startTimeoutMs,
      graceSeconds,
      ...(startup === undefined ? {} : { startup }),
      ...(liveness === undefined ? {} : { liveness }),
      ...(stopSignal === undefined ? {} : { stopSignal }),
      ...(livenessGraceSeconds === undefined ? {} : { livenessGraceSeconds }),
      ...(registry === undefined ? {} : { registryDirSetting: registry }),
    };
  }

  async requests(): Promise<readonly DrillRequest[]> {
    const found: DrillRequest[] = [];
    const allMethods = this.#arguments.flag('all-methods');
    for (const option of ['har', 'openapi'] as const) {
      const file = this.#arguments.text(option);
      if (file === undefined) continue;
      found.push(...requestsInDocument(option, file, await this.#read(option, file), allMethods));
    }
    if (allMethods && found.length === 0) throw usageError('--all-methods needs --har or --openapi');
    return chosenRequests(this.#arguments.texts('request'), found);
  }

  async load(requests: readonly DrillRequest[]): Promise<DrillSettings['load']> {
    const tls = await this.#tls();
    return {
      requests,
      headers: Object.fromEntries(this.#arguments.texts('header').map(headerOf)),
      callers: this.number('callers', 1, 10_000) ?? DRILL_DEFAULTS.callers,
      thinkMs: this.#duration('think') ?? DRILL_DEFAULTS.thinkMs,
      clients: this.#clients(),
      timeoutMs: this.#duration('timeout', 1) ?? DRILL_DEFAULTS.timeoutMs,
      ...(tls === undefined ? {} : { tls }),
      lag: this.#lag(),
      warmUpMs: this.#duration('warm-up') ?? DRILL_DEFAULTS.warmUpMs,
    };
  }

  cases(): { readonly cases: readonly CaseName[]; readonly namedCases: readonly CaseName[] } {
    const words = this.#arguments.list('case');
    if (words.length === 0) return { cases: [DRILL_DEFAULTS.case], namedCases: [] };
    const named = (word: string): CaseName[] => (word === 'all' ? [] : [oneOf('case', word, CASE_NAMES)]);
    const cases = words.flatMap((word) => (word === 'all' ? CASE_NAMES : named(word)));
    return { cases: [...new Set(cases)], namedCases: [...new Set(words.flatMap(named))] };
  }

  faults(requests: readonly DrillRequest[], hasRegistry: boolean): readonly FaultSetting[] {
    return chosenFaults(this.#arguments.texts('fault'), { requests, hasRegistry });
  }

  maxExit(): Pick<DrillSettings, 'maxExitMs'> {
    const ms = this.#duration('max-exit', 1);
    return ms === undefined ? {} : { maxExitMs: ms };
  }

  compared(settings: DrillSettings): DrillSettings | undefined {
    const text = this.#arguments.text('compare');
    const hook = this.#hook('compare-hook', this.#hookContext(settings.service));
    if (text === undefined) {
      if (hook !== undefined) throw usageError('--compare-hook needs --compare');
      return undefined;
    }
    const command = splitCommand(text);
    if (command === undefined) throw usageError(`--compare "${text}" is no command`);
    // What it cannot play is skipped and left out, whoever named it: only the first one decides.
    return {
      ...settings,
      namedCases: [],
      faults: settings.faults.map((fault) => ({ ...fault, named: false })),
      service: { ...settings.service, command, ...(hook === undefined ? {} : { hook }) },
    };
  }

  output(): OutputSettings {
    return {
      json: this.#arguments.flag('json'),
      junit: this.#arguments.text('junit'),
      html: this.#arguments.text('html'),
      quiet: this.#arguments.flag('quiet'),
      dryRun: this.#arguments.flag('dry-run'),
    };
  }

  #duration(name: string, atLeastMs = 0): number | undefined {
    const text = this.#arguments.text(name);
    return text === undefined ? undefined : durationOf(name, text, atLeastMs);
  }

  #ports(manifest: ManifestPod | undefined): ServiceSetting['ports'] {
    const fromManifest = manifest?.ports ?? [];
    const given = this.#arguments.list('port').map((word) => portSlot(word, fromManifest));
    const [first, ...others] = portSlots(given, fromManifest, DRILL_DEFAULTS.ports);
    if (first === undefined) throw usageError('the service has no port');
    return [first, ...others];
  }

  #clients(): readonly ClientKind[] {
    const words = this.#arguments.list('clients');
    return words.length === 0 ? DRILL_DEFAULTS.clients : words.map((word) => oneOf('clients', word, CLIENTS));
  }

  #lag(): Lag {
    const text = this.#arguments.text('lag') ?? DRILL_DEFAULTS.lag;
    const lag = parseLag(text);
    if (lag === undefined) throw usageError(`--lag must be one of ${LAG_FORMS}, not "${text}"`);
    return lag;
  }

  #registry(): string | undefined {
    const text = this.#arguments.text('registry');
    if (text === undefined) return undefined;
    const setting = /^file:([A-Za-z_]\w*)$/.exec(text)?.[1];
    if (setting === undefined) throw usageError(`--registry must be file:SETTING, not "${text}"`, 'file:REGISTRY_DIR');
    return setting;
  }

  async #tls(): Promise<CallerTls | undefined> {
    const file = this.#arguments.text('ca');
    if (file !== undefined) return { ca: await this.#read('ca', file) };
    return this.#arguments.flag('insecure') ? { verify: false } : undefined;
  }

  #env(): Record<string, string> {
    return Object.fromEntries(this.#arguments.texts('env').map(settingOf));
  }

  #hookContext({ ports, graceSeconds, env }: Pick<ServiceSetting, 'ports' | 'graceSeconds' | 'env'>): HookContext {
    return { ports, graceSeconds, env: { ...this.#io.env, ...env } };
  }

  #hook(option: 'hook' | 'compare-hook', context: HookContext): HookSetting | undefined {
    const text = this.#arguments.text(option);
    return text === undefined ? undefined : hookOf(option, text, context);
  }

  async #read(option: string, file: string): Promise<string> {
    try {
      return await readFile(resolve(this.#io.cwd, file), 'utf8');
    } catch (cause) {
      throw usageError(`--${option}: cannot read ${file}: ${systemMessage(cause)}`);
    }
  }
}
