import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestkitError, type TestkitErrorCode } from '../errors.ts';
import { guard, unguard } from '../guardian.ts';
import { nowMs, within } from '../timing.ts';
import type { ServerName } from './availability.ts';
import { untilFrozen } from './frozen.ts';
import { removeServerFolder } from './server-folder.ts';

/** What a test does to a server. Each resolves when it is so; a call in the wrong state is an error that says so. */
export interface ServerControls {
  /** Freezes the server (SIGSTOP): the kernel still accepts connections, and nothing answers. */
  pause(): Promise<void>;
  /** Ends a pause (SIGCONT). */
  resume(): Promise<void>;
  /** Ends the server's process and keeps its ports and data for `up()`. `terminate` is SIGTERM, `kill` a crash. */
  down(how?: 'terminate' | 'kill'): Promise<void>;
  /** Starts it again on the same ports with the data it kept, and waits until it is ready. */
  up(): Promise<void>;
  /** `down()` and `up()`. */
  restart(): Promise<void>;
  /** Ends the server for good, at once, and removes its files. Idempotent. */
  stop(): Promise<void>;
  /** Everything it has printed so far; still there after `stop()`. */
  log(): string;
}

export interface ServerProcessOptions {
  readonly server: ServerName;
  /** Where it listens, for messages. */
  readonly addr: string;
  /** From `createServerFolder()`; its working directory, removed with the server. */
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Whether it serves requests now. A rejection counts as "not yet". */
  readonly ready: () => Promise<boolean>;
  /** Longest time from the start to `ready`, in milliseconds. */
  readonly startTimeoutMs: number;
}

const READY_POLL_MS = 50;
/** What a server gets between SIGTERM and SIGKILL, in milliseconds. */
const TERMINATE_MS = 10_000;
/** Lines of the log in the message of a failed start. */
const LOG_TAIL_LINES = 20;

/**
 * Starts a server and waits until it is ready. It never survives this process, however this one ends.
 *
 * @throws TestkitError with the end of the server's log: `ERR_TESTKIT_SPAWN` when it cannot be run,
 * `ERR_TESTKIT_SERVICE_EXITED` when it ends instead, `ERR_TESTKIT_TIMEOUT` when it is not ready in time. Nothing is left
 * behind then.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerControls> {
  const server = new ServerProcess(options);
  try {
    await server.up();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

type State = 'running' | 'paused' | 'down' | 'stopped';

class ServerProcess implements ServerControls {
  readonly #options: ServerProcessOptions;
  readonly #logFile: string;
  #state: State = 'down';
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #lastLog = '';

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#logFile = join(options.folder, 'output.log');
  }

  async pause(): Promise<void> {
    this.#mustBe('pause()', 'running');
    this.#child?.kill('SIGSTOP');
    this.#state = 'paused';
    if (this.#child?.pid !== undefined) await untilFrozen(this.#child.pid);
  }

  async resume(): Promise<void> {
    this.#mustBe('resume()', 'paused');
    this.#child?.kill('SIGCONT');
    this.#state = 'running';
  }

  async down(how: 'terminate' | 'kill' = 'terminate'): Promise<void> {
    this.#mustBe('down()', 'running', 'paused');
    if (how === 'terminate') {
      this.#child?.kill('SIGTERM');
      // A stopped process acts on the signal only when it goes on.
      if (this.#state === 'paused') this.#child?.kill('SIGCONT');
      if ((await within(this.#exited, TERMINATE_MS)) !== 'timeout') return;
    }
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  async up(): Promise<void> {
    this.#mustBe('up()', 'down');
    const child = await this.#spawn();
    const { startTimeoutMs } = this.#options;
    const deadlineMs = nowMs() + startTimeoutMs;
    while (!(await this.#isReady())) {
      if (this.#state !== 'running') {
        const how = child.signalCode ?? `exit code ${child.exitCode}`;
        throw this.#failedStart('ERR_TESTKIT_SERVICE_EXITED', `it ended with ${how}`);
      }
      if (nowMs() > deadlineMs) {
        throw this.#failedStart('ERR_TESTKIT_TIMEOUT', `it is not ready after ${startTimeoutMs} ms`);
      }
      await sleep(READY_POLL_MS);
    }
  }

  async restart(): Promise<void> {
    await this.down();
    await this.up();
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#state !== 'down') await this.down('kill');
    this.#lastLog = this.log();
    this.#state = 'stopped';
    removeServerFolder(this.#options.folder);
  }

  log(): string {
    return this.#state === 'stopped' ? this.#lastLog : readFileSync(this.#logFile, 'utf8');
  }

  async #spawn(): Promise<ChildProcess> {
    const { command, args, folder } = this.#options;
    const log = openSync(this.#logFile, 'a');
    // A session of its own: Ctrl-C in a terminal goes to the test run alone, which then ends its servers in order.
    const child = spawn(command, args, { cwd: folder, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    try {
      await once(child, 'spawn');
    } catch (cause) {
      throw this.#failedStart('ERR_TESTKIT_SPAWN', (cause as Error).message, { cause });
    }
    const pid = child.pid as number;
    guard(pid);
    // A worker of a test runner outlives a runner that is killed, and only its channel tells it. The server must not.
    const orphaned = (): void => void this.stop();
    process.once('disconnect', orphaned);
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        unguard(pid);
        process.off('disconnect', orphaned);
        this.#state = 'down';
        resolve();
      });
    });
    this.#child = child;
    this.#state = 'running';
    return child;
  }

  async #isReady(): Promise<boolean> {
    try {
      return await this.#options.ready();
    } catch {
      return false;
    }
  }

  #mustBe(call: string, ...states: readonly State[]): void {
    if (states.includes(this.#state)) return;
    const { server, addr } = this.#options;
    throw new Error(
      `${server} at ${addr}: ${call} needs a server that is ${states.join(' or ')}; it is ${this.#state}`,
    );
  }

  #failedStart(code: TestkitErrorCode, why: string, options?: ErrorOptions): TestkitError {
    const { server, addr } = this.#options;
    const tail = this.log().trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    const words = tail === '' ? 'It said nothing.' : `The end of its log:\n${tail}`;
    return new TestkitError(code, `${server} at ${addr} did not start: ${why}. ${words}`, options);
  }
}
