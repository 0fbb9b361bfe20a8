import { Readable } from 'node:stream';
import type { Io } from '../../src/index.ts';
import { run } from '../../src/index.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, with everything it sees of the world given. */
export async function prestop(
  argv: readonly string[],
  world: {
    readonly cwd?: string;
    readonly stdin?: string | Uint8Array;
    readonly env?: Io['env'];
    readonly tty?: boolean;
  } = {},
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await run(argv, {
    stdin: Readable.from(world.stdin === undefined ? [] : [Buffer.from(world.stdin)]),
    stdout: { isTTY: world.tty ?? false, write: (text) => (stdout += text) },
    stderr: { isTTY: world.tty ?? false, write: (text) => (stderr += text) },
    env: world.env ?? {},
    cwd: world.cwd ?? process.cwd(),
  });
  return { code, stdout, stderr };
}
