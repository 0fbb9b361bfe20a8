import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { CallerTls, ClientKind } from '@prestop/testkit';
import { parse as parseYaml } from 'yaml';
import { closest } from '../closest.ts';
import { Arguments } from '../commands/arguments.ts';
import type { Command } from '../commands/command.ts';
import { SDK_DEFAULTS } from '../defaults.ts';
import { systemMessage, usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { CASE_NAMES, type CaseName } from './cases/case.ts';
import { splitCommand } from './command-line.ts';
import { DRILL_DEFAULTS } from './command-options.ts';
import { parseDuration } from './duration.ts';
import { FAULT_NAMES, type FaultName } from './faults/fault.ts';
import { faultNamed } from './faults/index.ts';
import { LAG_FORMS, type Lag, parseLag } from './lag.ts';
import { type ManifestPod, readManifest } from './manifest.ts';
import { requestsInHar } from './requests/har.ts';
import { requestsInOpenApi } from './requests/openapi.ts';
import { type DrillRequest, parseRequestLine } from './requests/request-line.ts';
import type {
  DrillSettings,
  FaultSetting,
  HookSetting,
  PortSlot,
  ReadinessSetting,
  ServiceSetting,
} from './settings.ts';
import { requestFor } from './stop-pod.ts';

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
    cases: given.cases(),
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
  /** Options that may stand several times, as they were written. */
  readonly #lists: Readonly<Record<string, unknown>>;

  constructor(command: Command, args: readonly string[], io: Io) {
    this.#arguments = new Arguments(command, args);
    this.#io = io;
    // A request may have commas in it, at which lists of other commands are split.
    const options = command.options.map(({ name, short, value, multiple = false }) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, multiple, ...(short === undefined ? {} : { short }) }] as const;
    });
    this.#lists = parseArgs({ args: [...args], options: Object.fromEntries(options), allowPositionals: true }).values;
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
    if (file === undefined) {
      if (workload ?? container) throw usageError('--workload and --container need a --manifest');
      return undefined;
    }
    return readManifest(file, this.#io.cwd, {
      allowExec: this.#arguments.flag('allow-exec'),
      ...(workload === undefined ? {} : { workload }),
      ...(container === undefined ? {} : { container }),
    });
  }

  async service(command: ServiceSetting['command'], manifest: ManifestPod | undefined): Promise<ServiceSetting> {
    const ports = this.#ports(manifest);
    const registry = this.#registry();
    const livenessGrace = manifest?.livenessGraceSeconds;
    const graceSeconds = this.number('grace', 0, 86_400) ?? manifest?.graceSeconds ?? DRILL_DEFAULTS.graceSeconds;
    return {
      command,
      cwd: this.#io.cwd,
      // Where there is a manifest, whether the two numbers agree is a part of what is drilled.
      env: { ...(manifest?.env ?? { [SDK_DEFAULTS.graceSetting]: String(graceSeconds) }), ...this.#env() },
      ports,
      hook: this.#hook('hook', ports) ?? manifest?.hook ?? { kind: 'auto' },
      readiness: this.#readiness(ports) ?? manifest?.readiness ?? { kind: 'auto' },
      readinessPeriod: manifest?.readinessPeriod ?? DRILL_DEFAULTS.readinessPeriod,
      startTimeoutMs: this.#duration('start-timeout') ?? DRILL_DEFAULTS.startTimeoutMs,
      graceSeconds,
      ...(livenessGrace === undefined ? {} : { livenessGraceSeconds: livenessGrace }),
      ...(registry === undefined ? {} : { registryDirSetting: registry }),
    };
  }

  async requests(): Promise<readonly DrillRequest[]> {
    const asked = this.#list('request').map((line) => {
      const request = parseRequestLine(line);
      if (request !== undefined) return request;
      throw usageError(`--request "${line}" is no request`, "'GET /slow', '3x GET /', 'POST /orders {\"lines\":[]}'");
    });
    const found = [
      ...(await this.#document('har', JSON.parse, requestsInHar)),
      ...(await this.#document('openapi', parseYaml, requestsInOpenApi)),
    ];
    const safe = found.filter(({ method }) => method === 'GET' || method === 'HEAD');
    const chosen = [...asked, ...(this.#arguments.flag('all-methods') ? found : safe)];
    if (chosen.length > 0) return chosen;
    if (found.length > 0) throw usageError('the document has no GET or HEAD', '--all-methods sends the others, too');
    const usual = parseRequestLine(DRILL_DEFAULTS.request);
    return usual === undefined ? [] : [usual];
  }

  async load(requests: readonly DrillRequest[]): Promise<DrillSettings['load']> {
    const tls = await this.#tls();
    return {
      requests,
      headers: this.#headers(),
      callers: this.number('callers', 1, 10_000) ?? DRILL_DEFAULTS.callers,
      thinkMs: this.#duration('think') ?? DRILL_DEFAULTS.thinkMs,
      clients: this.#clients(),
      timeoutMs: this.#duration('timeout') ?? DRILL_DEFAULTS.timeoutMs,
      ...(tls === undefined ? {} : { tls }),
      lag: this.#lag(),
      warmUpMs: this.#duration('warm-up') ?? DRILL_DEFAULTS.warmUpMs,
    };
  }

  cases(): readonly CaseName[] {
    const words = this.#arguments.list('case');
    if (words.length === 0) return [DRILL_DEFAULTS.case];
    if (words.includes('all')) return CASE_NAMES;
    return words.map((word) => oneOf('case', word, CASE_NAMES));
  }

  faults(requests: readonly DrillRequest[], hasRegistry: boolean): readonly FaultSetting[] {
    const settings: FaultSetting[] = [];
    for (const word of this.#list('fault').flatMap((text) => (text.includes('=') ? [text] : text.split(',')))) {
      const [name = '', ...line] = word.trim().split('=');
      if (name === 'all')
        settings.push(...FAULT_NAMES.filter((each) => canRun(each, requests, hasRegistry)).map(named));
      else settings.push(this.#fault(oneOf('fault', name, FAULT_NAMES), line.join('='), requests, hasRegistry));
    }
    return [...new Map(settings.map((setting) => [setting.name, setting])).values()];
  }

  maxExit(): Pick<DrillSettings, 'maxExitMs'> {
    const ms = this.#duration('max-exit');
    return ms === undefined ? {} : { maxExitMs: ms };
  }

  compared(settings: DrillSettings): DrillSettings | undefined {
    const text = this.#arguments.text('compare');
    const hook = this.#hook('compare-hook', settings.service.ports);
    if (text === undefined) {
      if (hook !== undefined) throw usageError('--compare-hook needs --compare');
      return undefined;
    }
    const command = splitCommand(text);
    if (command === undefined) throw usageError(`--compare "${text}" is no command`);
    return { ...settings, service: { ...settings.service, command, ...(hook === undefined ? {} : { hook }) } };
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

  #list(name: string): readonly string[] {
    const values = this.#lists[name];
    return Array.isArray(values) ? values.map(String) : [];
  }

  #duration(name: string): number | undefined {
    const text = this.#arguments.text(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) throw usageError(`--${name} must be a duration (500ms, 2s, 1.5m), not "${text}"`);
    return ms;
  }

  #ports(manifest: ManifestPod | undefined): ServiceSetting['ports'] {
    const words = this.#arguments.list('port');
    const fromManifest = manifest?.ports ?? [];
    const usual = fromManifest.length > 0 ? fromManifest : DRILL_DEFAULTS.ports.map((name) => ({ settings: [name] }));
    const [first, ...others] = words.length === 0 ? usual : words.map((word) => portSlot(word, fromManifest));
    if (first === undefined) throw usageError('the service has no port');
    return [first, ...others];
  }

  #env(): Record<string, string> {
    return Object.fromEntries(
      this.#list('env').map((text) => {
        const at = text.indexOf('=');
        if (at < 1) throw usageError(`--env must be NAME=VALUE, not "${text}"`);
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    );
  }

  #headers(): Record<string, string> {
    return Object.fromEntries(
      this.#list('header').map((text) => {
        const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text);
        if (match === null) throw usageError(`--header must be 'Name: value', not "${text}"`);
        return [(match[1] ?? '').toLowerCase(), match[2] ?? ''];
      }),
    );
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
    if (file !== undefined) return { ca: await this.#read(file) };
    return this.#arguments.flag('insecure') ? { verify: false } : undefined;
  }

  #hook(option: 'hook' | 'compare-hook', ports: readonly PortSlot[]): HookSetting | undefined {
    const text = this.#arguments.text(option);
    if (text === undefined) return undefined;
    if (text === 'none') return { kind: 'none' };
    const sleep = /^sleep:(.+)$/.exec(text)?.[1];
    const sleepMs = sleep === undefined ? undefined : parseDuration(sleep);
    if (sleepMs !== undefined) return { kind: 'sleep', seconds: sleepMs / 1000 };
    return { kind: 'http', ...httpTarget(option, text, ports, Math.min(1, ports.length - 1)) };
  }

  #readiness(ports: readonly PortSlot[]): ReadinessSetting | undefined {
    const text = this.#arguments.text('ready');
    if (text === undefined) return undefined;
    return text === 'tcp' ? { kind: 'tcp' } : { kind: 'http', ...httpTarget('ready', text, ports, 0) };
  }

  #fault(name: FaultName, line: string, requests: readonly DrillRequest[], hasRegistry: boolean): FaultSetting {
    if (line === '') {
      if (canRun(name, requests, hasRegistry)) return { name };
      const needs = faultNamed(name).request;
      if (needs === 'none') throw usageError(`--fault ${name} needs --registry file:SETTING`);
      throw usageError(
        `--fault ${name} has to be told what to ask for`,
        needs === 'stream' ? `--fault '${name}=GET /events'` : `--fault '${name}=POST /orders {"lines":[]}'`,
      );
    }
    const request = parseRequestLine(line);
    if (request === undefined) throw usageError(`--fault ${name}: "${line}" is no request`);
    return { name, request };
  }

  async #document(
    option: 'har' | 'openapi',
    parse: (text: string) => unknown,
    requestsIn: (file: string, document: unknown) => DrillRequest[],
  ): Promise<DrillRequest[]> {
    const file = this.#arguments.text(option);
    if (file === undefined) return [];
    const text = await this.#read(file);
    let document: unknown;
    try {
      document = parse(text);
    } catch (cause) {
      throw usageError(`--${option} ${file}: ${systemMessage(cause)}`);
    }
    return requestsIn(file, document);
  }

  async #read(file: string): Promise<string> {
    try {
      return await readFile(resolve(this.#io.cwd, file), 'utf8');
    } catch (cause) {
      throw usageError(`cannot read ${file}: ${systemMessage(cause)}`);
    }
  }
}

const named = (name: FaultName): FaultSetting => ({ name });

function canRun(name: FaultName, requests: readonly DrillRequest[], hasRegistry: boolean): boolean {
  if (name === 'registry-outage') return hasRegistry;
  const { request } = faultNamed(name);
  return request === 'none' || requestFor(request, requests) !== undefined;
}

function oneOf<Name extends string>(option: string, word: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  const near = closest(word, names);
  throw usageError(
    `--${option} must be one of ${names.join(', ')}, not "${word}"`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

/** `PORT`, `3000`, `PORT=3000`; a setting that the manifest gives a number keeps it. */
function portSlot(word: string, manifest: readonly PortSlot[]): PortSlot {
  const match = /^(?:([A-Za-z_]\w*)(?:=|$))?(\d{1,5})?$/.exec(word);
  const [, setting, number] = match ?? [];
  if (setting === undefined && number === undefined) {
    throw usageError(`--port must be a setting, a number or SETTING=NUMBER, not "${word}"`);
  }
  const declared =
    number === undefined ? manifest.find(({ settings }) => settings.includes(setting ?? ''))?.declared : Number(number);
  return { settings: setting === undefined ? [] : [setting], ...(declared === undefined ? {} : { declared }) };
}

/** `/path`, `ADMIN_PORT:/path`, `9090:/path` */
function httpTarget(option: string, text: string, ports: readonly PortSlot[], usual: number) {
  const match = /^(?:(\w+):)?(\/.*)$/.exec(text);
  if (match === null) throw usageError(`--${option} must be a path or PORT:PATH, not "${text}"`);
  const [, port, path = '/'] = match;
  if (port === undefined) return { slot: usual, path };
  const slot = ports.findIndex(({ settings, declared }) => settings.includes(port) || String(declared) === port);
  if (slot === -1) throw usageError(`--${option}: there is no port "${port}"`, `--port ${port} makes it one`);
  return { slot, path };
}
