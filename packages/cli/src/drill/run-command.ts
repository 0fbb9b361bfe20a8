import { access, constants, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from '../commands/command.ts';
import { CliError, systemMessage } from '../errors.ts';
import { canRewrite, type Io, wantsColours, widthOf } from '../io.ts';
import { version } from '../version.ts';
import { drill } from './drill.ts';
import { dryRun } from './dry-run.ts';
import { DrillError } from './errors.ts';
import { DRILL_EXIT, type DrillExitCode, exitCodeOf } from './exit-codes.ts';
import { type DrillOrder, type OutputSettings, orderFrom } from './from-arguments.ts';
import { htmlReport } from './output/html/page.ts';
import { junitError, junitReport } from './output/junit.ts';
import { terminalReport } from './output/terminal.ts';
import { Progress } from './progress.ts';
import { type DrillReport, reportFor } from './report.ts';
import type { ServiceResult } from './result.ts';

/** Runs `prestop drill`. @returns the exit code. @throws CliError */
export async function runDrillCommand(command: Command, args: readonly string[], io: Io): Promise<DrillExitCode> {
  const order = await orderFrom(command, args, io);
  if (order.output.dryRun) {
    io.stdout.write(dryRun(order));
    return DRILL_EXIT.passed;
  }
  // Sooner than after a drill whose result would be lost.
  for (const file of [order.output.junit, order.output.html]) if (file !== undefined) await checkPlace(file, io);
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const report = await carryOut(order, io, interruption);
    await write(report, order.output, io);
    return exitCodeOf(report.verdict);
  } catch (error) {
    // A file of an earlier drill would tell of another result; one that was just written tells of this one.
    if (order.output.junit !== undefined && !(error instanceof CliError))
      await writeTo(order.output.junit, junitError(error as Error), io);
    if (!(error instanceof DrillError)) throw error;
    io.stderr.write(`prestop drill: ${error.message}\n`);
    if (error.hint !== undefined) io.stderr.write(`  ${error.hint}\n`);
    return error.code === 'ERR_PRESTOP_DRILL_INTERRUPTED' ? DRILL_EXIT.interrupted : DRILL_EXIT.noResult;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function carryOut(order: DrillOrder, io: Io, interruption: AbortController): Promise<DrillReport> {
  const { settings, compared, output, notes } = order;
  const progress = new Progress(io.stderr, canRewrite(io.stderr, io.env));
  const startedAt = new Date();
  const startedMs = performance.now();
  if (!output.quiet) for (const note of notes) io.stderr.write(`  ${note}\n`);
  const run = async (which: 'A' | 'B'): Promise<ServiceResult> => {
    const onEvent = progress.listener(compared === undefined ? undefined : which);
    try {
      const chosen = which === 'B' && compared !== undefined ? compared : settings;
      return await drill(chosen, { signal: interruption.signal, ...(output.quiet ? {} : { onEvent }) });
    } catch (error) {
      // One without a result leaves nothing to compare.
      interruption.abort();
      throw error;
    }
  };
  try {
    const [first, second] = await bothOrFirstError([run('A'), ...(compared === undefined ? [] : [run('B')])]);
    if (first === undefined) throw new Error('a drill without a result');
    const durationMs = performance.now() - startedMs;
    return reportFor({ toolVersion: version(), startedAt, durationMs, settings, first, compared: second });
  } finally {
    progress.end();
  }
}

/** Waits for all, so that no pod is left behind; what failed first is what went wrong. */
async function bothOrFirstError(runs: readonly Promise<ServiceResult>[]): Promise<readonly ServiceResult[]> {
  let firstError: unknown;
  for (const run of runs) {
    run.catch((error: unknown) => {
      firstError ??= error;
    });
  }
  await Promise.allSettled(runs);
  if (firstError !== undefined) throw firstError;
  return Promise.all(runs);
}

async function write(report: DrillReport, output: OutputSettings, io: Io): Promise<void> {
  if (output.json) io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    const width = widthOf(io.stdout);
    const colours = wantsColours(io.stdout, io.env);
    io.stdout.write(terminalReport(report, { colours, ...(width === undefined ? {} : { width }) }));
  }
  if (output.junit !== undefined) await writeTo(output.junit, junitReport(report), io);
  if (output.html !== undefined) await writeTo(output.html, htmlReport(report), io);
}

/** Makes the folder of a file, without touching the file of an earlier drill. */
async function checkPlace(file: string, io: Io): Promise<void> {
  const target = resolve(io.cwd, file);
  try {
    await mkdir(dirname(target), { recursive: true });
    await access(dirname(target), constants.W_OK);
    const known = await stat(target).catch(() => undefined);
    if (known === undefined) return;
    await access(target, constants.W_OK);
    if (!known.isDirectory()) return;
  } catch (error) {
    throw cannotWrite(file, error);
  }
  throw cannotWrite(file, 'is a directory');
}

async function writeTo(file: string, text: string, io: Io): Promise<void> {
  try {
    await writeFile(resolve(io.cwd, file), text);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

function cannotWrite(file: string, cause: unknown): CliError {
  return new CliError('ERR_PRESTOP_CLI_OUTPUT', `cannot write ${file}: ${systemMessage(cause)}`, { cause });
}
