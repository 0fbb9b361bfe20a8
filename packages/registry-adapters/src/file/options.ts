import { accessSync, constants, mkdirSync } from 'node:fs';
import { optionRules } from '@prestop/core';
import {
  instanceHost,
  instanceId,
  instancePort,
  registryName,
  requireOptions,
  serviceName,
  settleMs,
} from '../instance-rules.ts';

export interface FileOptions {
  /**
   * The directory, shared by all instances and consumers. Made, with its parents, if it is not there; this process needs
   * the right to write in it.
   */
  readonly dir: string;
  /** Name of the service: letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  /** Port on which callers reach this instance, 1 to 65535. */
  readonly port: number;
  /**
   * Host name or IP address at which callers reach this instance. Default: this machine's first address that is not
   * internal (IPv4 before IPv6), else `127.0.0.1`. On a machine with several networks, say it.
   */
  readonly host?: string;
  /**
   * Unique in the directory; an instance that registers under an id that is taken replaces the one before. Default:
   * name, host and port, so that a restart in place takes over what a crash left behind.
   */
  readonly id?: string;
  /**
   * More labels for consumers and Prometheus; names as Prometheus wants them, not beginning with `__`. Default: none.
   * `service`, the name, is always there unless you set it.
   */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * How long a consumer may go on calling after the entry is gone, in milliseconds: its longest pause between two reads
   * of the directory. Default 1,000, for a consumer that reads once a second. For one that is told by the file system
   * (`fs.watch`) some 100 are enough; one that reads every 5 s needs 5,000.
   */
  readonly settleMs?: number;
  /** Name in logs, metrics and reports, unique within one lifecycle. Default `file`. */
  readonly registryName?: string;
}

const RULES: optionRules.OptionRules<FileOptions> = {
  dir: optionRules.text('the path of a directory'),
  name: serviceName,
  port: instancePort,
  host: instanceHost,
  id: instanceId,
  labels: {
    rule: 'an object of strings whose names are Prometheus label names and do not begin with "__"',
    holds: (value) =>
      optionRules.optionsObject.holds(value) &&
      Object.entries(value as object).every(
        ([label, content]) => /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && typeof content === 'string',
      ),
  },
  settleMs,
  registryName,
};

/** @throws LifecycleError for an option that does not hold, and for a directory that cannot be made or written. */
export function checkFileOptions(options: FileOptions): void {
  optionRules.checkOptions<FileOptions>('file', options, RULES);
  requireOptions('file', options, RULES, 'dir', 'name', 'port');
  const { dir } = options;
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = (error as Error).message;
    throw optionRules.invalidOption('file', 'dir', `a directory that this process can make and write (${why})`, dir);
  }
}
