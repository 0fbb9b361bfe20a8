import type { Io } from '../io.ts';

export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  /** Stands for the value in help texts; an option without one is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times; values are also split at commas. */
  readonly multiple?: boolean;
  /** Ends with the default, where there is one. */
  readonly help: string;
}

interface Example {
  /** A command line that works as it stands, in a folder that has the files it names. */
  readonly command: string;
  readonly does: string;
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** After `prestop `. */
  readonly usage: string;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** What the summary does not say; paragraphs. */
  readonly details: () => string;
  /** @returns the exit code. */
  run(args: readonly string[], io: Io): Promise<number>;
}
