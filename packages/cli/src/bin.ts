#!/usr/bin/env node
import { run } from './cli.ts';

/** EX_SOFTWARE of sysexits.h: a mistake of this program, not of the one who called it. */
const INTERNAL_ERROR = 70;

// A reader that has seen enough (`prestop lint . | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  process.exitCode = await run(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
  });
} catch (error) {
  process.stderr.write(`prestop: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = INTERNAL_ERROR;
}
