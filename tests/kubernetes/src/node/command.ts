import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Characters of its output in an error. */
const TAIL = 4000;

const run = promisify(execFile);

/**
 * What a command prints.
 *
 * @throws Error that names the command, with its words.
 */
export async function output(command: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await run(command, args, { maxBuffer: 64 << 20, ...(cwd === undefined ? {} : { cwd }) });
    return stdout;
  } catch (cause) {
    const { stderr, stdout, message } = cause as { stderr?: string; stdout?: string; message: string };
    throw new Error(
      `${command} ${args.join(' ')}: ${[stdout, stderr].filter(Boolean).join('\n').slice(-TAIL) || message}`,
      { cause },
    );
  }
}
