import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemMessage, usageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type Io, wantsColours } from '../io.ts';
import { formatAccounts, REPORT_FORMATS, worstOf } from '../report/format.ts';
import { readAccounts } from '../report/read.ts';
import { Arguments } from './arguments.ts';
import type { Command } from './command.ts';

export const reportCommand: Command = {
  name: 'report',
  summary: 'Explains how a pod ended: reports in a log, pods and events as kubectl prints them.',
  usage: 'report [OPTIONS] FILE|- …',
  options: [
    { name: 'format', value: 'FORMAT', short: 'f', help: `${REPORT_FORMATS.join(', ')}; default human` },
    { name: 'help', short: 'h', help: 'this page' },
  ],
  examples: [
    { command: 'prestop report orders.log', does: 'Explain every termination in a log' },
    {
      command: 'cat pods.json | prestop report --format json -',
      does: 'What kubectl prints: kubectl get pods -o json, kubectl get events -o json, kubectl logs --previous',
    },
  ],
  details,
  async run(args, io) {
    const given = new Arguments(reportCommand, args);
    const format = given.choice('format', REPORT_FORMATS) ?? 'human';
    if (given.positionals.length === 0) throw usageError('nothing to explain', 'name files, or - for standard input');
    const accounts = [];
    let unreadable = false;
    for (const file of given.positionals) {
      const content = await read(file, io);
      if (content === undefined) unreadable = true;
      else accounts.push(...readAccounts(file === '-' ? '<stdin>' : file, content));
    }
    io.stdout.write(formatAccounts(accounts, format, wantsColours(io.stdout, io.env)));
    if (unreadable) return EXIT.unreadable;
    if (accounts.length === 0) {
      io.stderr.write('prestop: no report, pod or event in what was read; a process that is killed leaves no report\n');
      return EXIT.unreadable;
    }
    return worstOf(accounts) === 'error' ? EXIT.findings : EXIT.clean;
  },
};

async function read(file: string, io: Io): Promise<string | undefined> {
  try {
    return file === '-' ? await text(io.stdin) : await readFile(resolve(io.cwd, file), 'utf8');
  } catch (error) {
    io.stderr.write(`prestop: cannot read ${file}: ${systemMessage(error)}\n`);
    return undefined;
  }
}

function details(): string {
  return [
    'A log may have anything before and between the lines of JSON. Of several reports of one termination the last',
    'counts. Pods tell exit codes and termination messages, events what became of the hooks.',
    '',
    `Exit codes: ${EXIT.clean} everything went well; ${EXIT.findings} something was lost, failed or was killed; ${EXIT.usage} usage; ${EXIT.unreadable} unreadable, or nothing found.`,
  ].join('\n');
}
