import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { TestkitError } from './errors.ts';
import { guard, unguard } from './guardian.ts';
import { httpGet } from './http-get.ts';
import { PROBE_HEADERS } from './kubelet-headers.ts';
import { nowMs, pause, within } from './timing.ts';

/** How a process ended. */
export interface ServiceExit {
  /** Exit code, or `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** When, in milliseconds of the monotonic clock (`performance.now()`). */
  readonly atMs: number;
}

/** The part of a process that the kubelet needs: it can be signalled, and it ends. */
export interface Container {
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<ServiceExit>;
  /** Sends a signal; `false` when the process has ended already. On Windows every stop signal ends it at once. */
  signal(name: NodeJS.Signals): boolean;
}

export interface OutputLine {
  readonly stream: 'stdout' | 'stderr';
  /** Without the line end, cut to 64,000 characters. */
  readonly text: string;
  /** When it was read, in milliseconds of the monotonic clock. */
  readonly atMs: number;
}

export interface ServiceOptions {
  /** The script; run as `node [...execArgv] file [...args]` with the node that runs this one. */
  readonly file: string;
  /** Default: none. */
  readonly args?: readonly string[];
  /** Added to this process' environment; `undefined` takes a variable away. Default: nothing. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Options for node itself. Default: none. */
  readonly execArgv?: readonly string[];
  /** Default: this process' working directory. */
  readonly cwd?: string;
  /** Lines of output that are kept, the newest ones. Default 1000. */
  readonly keepLines?: number;
}

export interface CommandOptions {
  /** Program and arguments, run without a shell; a program without a slash is looked for in `PATH`. */
  readonly command: readonly [string, ...string[]];
  /** As in {@link ServiceOptions}. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly keepLines?: number;
}

/** A running process with its output. It never survives this process, however this one ends. */
export interface Service extends Container {
  readonly pid: number;
  /** When it was spawned, in milliseconds of the monotonic clock. */
  readonly startedAtMs: number;
  /** `false` once it has ended. */
  readonly running: boolean;
  /** The lines kept so far, oldest first. Once {@link Container.exited} has resolved, the last words are among them. */
  readonly lines: readonly OutputLine[];
  /**
   * Resolves with the first line, among those kept and those to come, that matches.
   *
   * @param timeoutMs Default 10,000.
   * @throws TestkitError `ERR_TESTKIT_SERVICE_EXITED` when the process ends first and `ERR_TESTKIT_TIMEOUT`, both with the
   * last output.
   */
  waitForLine(match: RegExp | ((line: OutputLine) => boolean), timeoutMs?: number): Promise<OutputLine>;
  /**
   * Polls `url` (every 20 ms, in the manner of a kubelet probe, certificates not verified) until it answers 200.
   *
   * @param timeoutMs Default 10,000.
   * @throws TestkitError as {@link Service.waitForLine}.
   */
  waitForHttp(url: string | URL, timeoutMs?: number): Promise<void>;
  /** SIGKILL; resolves when the process has ended. Also after it has. */
  kill(): Promise<ServiceExit>;
}

const POLL_MS = 20;
const LINE_CHARACTERS = 64_000;
const SHOWN_LINES = 20;
/** A grandchild can hold the pipes open after the process has ended. */
const LAST_OUTPUT_MS = 250;

/**
 * Starts `node file`. Resolves as soon as the process exists, which is before it is ready: wait for a line or for HTTP.
 *
 * @throws TestkitError `ERR_TESTKIT_SPAWN` when there is no process, for example for a missing `cwd`.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { file, args = [], execArgv = [] } = options;
  return launch({ ...options, command: [process.execPath, ...execArgv, file, ...args] }, `node ${file}`, 'process');
}

/**
 * Starts any command as a container's first process: it leads a process group of its own, signals go to it alone, and
 * once it has ended whatever is left of its group is killed (not on Windows, which has no such groups).
 *
 * @throws TestkitError `ERR_TESTKIT_SPAWN` when there is no process: an unknown program, a missing `cwd`.
 */
export async function startCommand(options: CommandOptions): Promise<Service> {
  return launch(options, options.command.join(' '), process.platform === 'win32' ? 'process' : 'group');
}

/** What is killed when this process ends, and what is left when the first process has ended. */
type Extent = 'process' | 'group';

async function launch(options: CommandOptions, title: string, extent: Extent): Promise<Service> {
  const { command, env = {}, cwd } = options;
  const [program, ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    windowsHide: true,
    detached: extent === 'group',
    ...(cwd === undefined ? {} : { cwd }),
  });
  const service = new RunningService(child, title, extent, options.keepLines ?? 1000);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(new TestkitError('ERR_TESTKIT_SPAWN', `cannot start ${title}: ${cause.message}`, { cause }));
    });
  });
  guard(service.guarded);
  return service;
}

class RunningService implements Service {
  readonly startedAtMs: number = nowMs();
  readonly exited: Promise<ServiceExit>;
  readonly #child: ChildProcess;
  readonly #title: string;
  readonly #extent: Extent;
  readonly #keepLines: number;
  readonly #lines: OutputLine[] = [];
  readonly #watchers = new Set<(line: OutputLine) => void>();
  #running = true;

  constructor(child: ChildProcess, title: string, extent: Extent, keepLines: number) {
    this.#child = child;
    this.#title = title;
    this.#extent = extent;
    this.#keepLines = keepLines;
    if (child.stdout) this.#collect('stdout', child.stdout);
    if (child.stderr) this.#collect('stderr', child.stderr);
    const outputEnded = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const exit: ServiceExit = { code, signal, atMs: nowMs() };
        this.#running = false;
        if (this.#extent === 'group') killGroup(this.pid);
        unguard(this.guarded);
        void within(outputEnded, LAST_OUTPUT_MS).then(() => resolve(exit));
      });
    });
    // Without a listener a failed kill would be an uncaught exception; kill() itself says false.
    child.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** As kill(2) takes it: a negative number is a group. */
  get guarded(): number {
    return this.#extent === 'group' ? -this.pid : this.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  get lines(): readonly OutputLine[] {
    return this.#lines;
  }

  async waitForLine(match: RegExp | ((line: OutputLine) => boolean), timeoutMs = 10_000): Promise<OutputLine> {
    // search() rather than test(): a global expression must not remember where it was.
    const matches = match instanceof RegExp ? (line: OutputLine) => line.text.search(match) !== -1 : match;
    const known = this.#lines.find(matches);
    if (known !== undefined) return known;
    let watcher: (line: OutputLine) => void = () => undefined;
    const found = new Promise<OutputLine>((resolve) => {
      watcher = (line) => {
        if (matches(line)) resolve(line);
      };
      this.#watchers.add(watcher);
    });
    try {
      return await this.#unlessItEnds(found, timeoutMs, `a line that matches ${String(match)}`);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async waitForHttp(url: string | URL, timeoutMs = 10_000): Promise<void> {
    const polling = new AbortController();
    try {
      await this.#unlessItEnds(pollUntilOk(new URL(url), polling.signal), timeoutMs, `200 from ${String(url)}`);
    } finally {
      polling.abort();
    }
  }

  signal(name: NodeJS.Signals): boolean {
    return this.#running && this.#child.kill(name);
  }

  kill(): Promise<ServiceExit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  #collect(stream: OutputLine['stream'], input: Readable): void {
    createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (text) => {
      const line: OutputLine = { stream, text: text.slice(0, LINE_CHARACTERS), atMs: nowMs() };
      this.#lines.push(line);
      if (this.#lines.length > this.#keepLines) this.#lines.shift();
      for (const watcher of this.#watchers) watcher(line);
    });
  }

  async #unlessItEnds<T>(awaited: Promise<T>, timeoutMs: number, what: string): Promise<T> {
    const outcome = await within(
      Promise.race([awaited.then((value) => ({ value })), this.exited.then((exit) => ({ exit }))]),
      timeoutMs,
    );
    if (outcome === 'timeout') {
      throw this.#error('ERR_TESTKIT_TIMEOUT', `waited ${timeoutMs} ms in vain for ${what}`);
    }
    if ('exit' in outcome.value) {
      const { code, signal } = outcome.value.exit;
      throw this.#error('ERR_TESTKIT_SERVICE_EXITED', `ended (${signal ?? `code ${code}`}) before ${what}`);
    }
    return outcome.value.value;
  }

  #error(code: 'ERR_TESTKIT_TIMEOUT' | 'ERR_TESTKIT_SERVICE_EXITED', problem: string): TestkitError {
    const last = this.#lines.slice(-SHOWN_LINES).map((line) => `  ${line.stream}: ${line.text}`);
    const output = last.length === 0 ? 'It said nothing.' : `Its last output:\n${last.join('\n')}`;
    return new TestkitError(code, `${this.#title} ${problem}. ${output}`);
  }
}

/** Containers end whole; the group may have ended with its leader. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function pollUntilOk(url: URL, signal: AbortSignal): Promise<void> {
  const target = {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    path: `${url.pathname}${url.search}`,
    headers: PROBE_HEADERS,
  };
  while (!signal.aborted) {
    try {
      const attempt = AbortSignal.any([signal, AbortSignal.timeout(1000)]);
      if ((await httpGet(target, { signal: attempt })).status === 200) return;
    } catch {
      // Refused or cut: not up yet. Giving up is the business of whoever waits.
    }
    await pause(POLL_MS).over;
  }
}
