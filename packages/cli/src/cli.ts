import { closest } from './closest.ts';
import type { Command } from './commands/command.ts';
import { helpFor, helpForRule, overview } from './commands/help.ts';
import { COMMANDS } from './commands/index.ts';
import { CliError, usageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { ruleNamed } from './lint/choose.ts';
import { version } from './version.ts';

/**
 * The command line: `prestop lint | manifest | hook | drill | report | help`. Writes to the given outputs and never ends the process.
 *
 * @returns the exit code, see `EXIT` and `HOOK_EXIT`.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    io.stderr.write(`prestop: ${error.message}\n`);
    if (error.hint !== undefined) io.stderr.write(`  ${error.hint}\n`);
    return error.code === 'ERR_PRESTOP_CLI_OUTPUT' ? EXIT.unreadable : EXIT.usage;
  }
}

async function dispatch([first, ...rest]: readonly string[], io: Io): Promise<number> {
  switch (first) {
    case undefined:
      io.stderr.write(overview(COMMANDS));
      return EXIT.usage;
    case '-h':
    case '--help':
      io.stdout.write(overview(COMMANDS));
      return EXIT.clean;
    case '-v':
    case '--version':
      io.stdout.write(`${version()}\n`);
      return EXIT.clean;
    case 'help': {
      const [topic] = rest;
      const rule = topic === undefined ? undefined : ruleNamed(topic);
      if (rule !== undefined) io.stdout.write(helpForRule(rule));
      else io.stdout.write(topic === undefined ? overview(COMMANDS) : helpFor(commandNamed(topic)));
      return EXIT.clean;
    }
  }
  if (first.startsWith('-'))
    throw usageError(`there is no option ${first}`, 'prestop --help lists commands and options');
  const command = commandNamed(first);
  const end = rest.indexOf('--');
  if ((end === -1 ? rest : rest.slice(0, end)).some((word) => word === '--help' || word === '-h')) {
    io.stdout.write(helpFor(command));
    return EXIT.clean;
  }
  return command.run(rest, io);
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((each) => each.name === name);
  if (command !== undefined) return command;
  const near = closest(name, [...COMMANDS.map((each) => each.name), 'help']);
  throw usageError(
    `there is no command "${name}"`,
    near === undefined ? 'prestop --help lists the commands' : `did you mean prestop ${near}?`,
  );
}
