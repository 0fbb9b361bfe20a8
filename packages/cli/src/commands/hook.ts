import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { closest } from '../closest.ts';
import { SDK_DEFAULTS } from '../defaults.ts';
import { systemMessage, usageError } from '../errors.ts';
import { HOOK_EXIT } from '../exit-codes.ts';
import { callPoststart, callPrestop, ON_TIMEOUT, POSTSTART_TIMEOUT_SECONDS } from '../hook/hook.ts';
import { readToken } from '../hook/token.ts';
import type { Io } from '../io.ts';
import { Arguments } from './arguments.ts';
import type { Command } from './command.ts';

const PORT = { min: 1, max: 65_535, whole: true } as const;
const SECONDS = { min: 0.1, max: 86_400, whole: false } as const;
const MOMENTS = ['prestop', 'poststart'] as const;

export const hookCommand: Command = {
  name: 'hook',
  summary: 'The exec form of the hooks: calls the service on the loopback interface and waits.',
  usage: 'hook prestop|poststart [OPTIONS]',
  options: [
    {
      name: 'port',
      value: 'PORT',
      short: 'p',
      help: `admin port of the service; default ${SDK_DEFAULTS.adminPortSetting} in the environment, else ${SDK_DEFAULTS.adminPort}`,
    },
    {
      name: 'token-file',
      value: 'FILE',
      help: `file with the token; default ${SDK_DEFAULTS.tokenSetting} in the environment`,
    },
    {
      name: 'timeout',
      value: 'SECONDS',
      help: `longest wait; default for poststart ${POSTSTART_TIMEOUT_SECONDS}, for prestop as long as it takes`,
    },
    { name: 'on-timeout', value: 'POLICY', help: 'poststart, still not ready: pass (default) or fail' },
    { name: 'report', value: 'FILE', help: 'write the answer to a file as well' },
    { name: 'help', short: 'h', help: 'this page' },
  ],
  examples: [
    { command: 'prestop hook prestop', does: 'Take the service out, wait until it is drained, print the report' },
    {
      command: 'prestop hook poststart --port 9090 --token-file token --timeout 30',
      does: 'Wait until the service is ready, with a token from a mounted Secret',
    },
  ],
  details,
  async run(args, io) {
    const given = new Arguments(hookCommand, args);
    const [moment, ...more] = given.positionals;
    if (moment !== 'prestop' && moment !== 'poststart') {
      const near = moment === undefined ? undefined : closest(moment, MOMENTS);
      throw usageError(
        moment === undefined ? 'hook needs prestop or poststart' : `hook takes prestop or poststart, not "${moment}"`,
        near === undefined ? 'see prestop help hook' : `did you mean prestop hook ${near}?`,
      );
    }
    if (more.length > 0) throw usageError(`hook ${moment} takes nothing more: "${more[0]}"`);
    const timeout = given.number('timeout', SECONDS);
    const onTimeout = given.choice('on-timeout', ON_TIMEOUT);
    if (onTimeout !== undefined && moment === 'prestop') throw usageError('--on-timeout is for poststart');
    const options = {
      port: given.number('port', PORT) ?? portFrom(io.env),
      token: await readToken(given.text('token-file'), io),
      timeoutMs: timeout === undefined ? undefined : timeout * 1000,
    };
    const result = moment === 'prestop' ? await callPrestop(options) : await callPoststart({ ...options, onTimeout });
    if (result.output !== '') io.stdout.write(result.output.endsWith('\n') ? result.output : `${result.output}\n`);
    io.stderr.write(`prestop hook ${moment}: ${result.message}\n`);
    await keep(result.output, given.text('report'), io);
    return result.exitCode;
  },
};

function portFrom(env: Io['env']): number {
  const text = env[SDK_DEFAULTS.adminPortSetting];
  if (text === undefined || text === '') return SDK_DEFAULTS.adminPort;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= PORT.min && port <= PORT.max) return port;
  throw usageError(
    `${SDK_DEFAULTS.adminPortSetting} must be a whole number from ${PORT.min} to ${PORT.max}, not "${text}"`,
  );
}

/** A report that cannot be kept is no reason to call the drain a failure. */
async function keep(output: string, file: string | undefined, io: Io): Promise<void> {
  if (file === undefined || output === '') return;
  try {
    await writeFile(resolve(io.cwd, file), output);
  } catch (error) {
    io.stderr.write(`prestop hook: cannot write ${file}: ${systemMessage(error)}\n`);
  }
}

function details(): string {
  return [
    'For images and meshes where the kubelet cannot call by httpGet, and for tokens that should not stand in a',
    'manifest. prestop calls /prestop once. poststart asks /poststart again and again, from before the service',
    'listens, so that it is never the reason to kill a container that only needs its time.',
    '',
    'The report goes to standard output, one line for people to standard error. The token is never printed.',
    '',
    'Exit codes:',
    `  ${HOOK_EXIT.done}  prestop: drained. poststart: ready, or not ready in time with --on-timeout pass`,
    `  ${HOOK_EXIT.notClean}  prestop: answered, and the report says that something was cut or failed`,
    `  ${HOOK_EXIT.usage}  usage, or a token that cannot be read`,
    `  ${HOOK_EXIT.refused}  the token is missing or wrong`,
    `  ${HOOK_EXIT.unreachable}  nothing answered on the port`,
    `  ${HOOK_EXIT.timeout}  --timeout passed`,
    `  ${HOOK_EXIT.unexpected}  an answer that is not the SDK's`,
    'To the kubelet everything but 0 is a failed hook: before a stop it goes on to SIGTERM, after a start it',
    'restarts the container.',
  ].join('\n');
}
