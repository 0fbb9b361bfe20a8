import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DaemonOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where its log and its process id go, as `name.log` and `name.pid`. */
  readonly logs: string;
  readonly env?: Readonly<Record<string, string>>;
}

const RESTART_MS = 500;
const READY_POLL_MS = 100;
const READY_TIMEOUT_MS = 120_000;
const LOG_TAIL_LINES = 25;

/** A program that is started again whenever it ends, as systemd does on a real node. */
export class Daemon {
  readonly #options: DaemonOptions;
  #restarts = 0;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#start();
  }

  /**
   * Waits until `check` holds; a rejection counts as "not yet".
   *
   * @throws Error with the end of its log when that takes longer than two minutes, or when it ends again and again.
   */
  async ready(check: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + READY_TIMEOUT_MS;
    while (!(await check().catch(() => false))) {
      if (this.#restarts > 3) throw this.#error('ends again and again');
      if (performance.now() > until) throw this.#error(`is not ready after ${READY_TIMEOUT_MS / 1000} s`);
      await sleep(READY_POLL_MS);
    }
  }

  #start(): void {
    const { name, command, args, logs, env = {} } = this.#options;
    const log = openSync(join(logs, `${name}.log`), 'a');
    const child: ChildProcess = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    writeFileSync(join(logs, `${name}.pid`), String(child.pid));
    const again = (): void => {
      this.#restarts += 1;
      setTimeout(() => this.#start(), RESTART_MS);
    };
    child.once('exit', again).once('error', again);
  }

  #error(what: string): Error {
    const { name, logs } = this.#options;
    const tail = readFileSync(join(logs, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-LOG_TAIL_LINES);
    return new Error(`${name} ${what}. The end of its log:\n${tail.join('\n')}`);
  }
}
