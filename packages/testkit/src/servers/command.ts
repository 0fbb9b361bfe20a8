import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Lines of output that are kept for an error message. */
const TAIL_LINES = 20;

export interface CommandOptions {
  /** Default: the folder of this process. */
  readonly cwd?: string;
  /** The whole environment of the command. */
  readonly env: NodeJS.ProcessEnv;
  /** Told every line of its output, both streams. */
  readonly onLine?: (line: string) => void;
}

export type CommandResult =
  | { readonly found: true; readonly exitCode: number; readonly tail: string }
  | { readonly found: false };

/**
 * Runs a command to its end, without a shell. A command that is not installed is a result and not an error; an end by a
 * signal counts as exit code 1.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const tail: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        options.onLine?.(line);
      });
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve({ found: false });
      else reject(error);
    });
    child.once('close', (code) => resolve({ found: true, exitCode: code ?? 1, tail: tail.join('\n') }));
  });
}
