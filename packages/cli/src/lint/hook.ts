import { SDK_DEFAULTS } from '../defaults.ts';
import type { Cursor } from '../yaml/cursor.ts';
import { type Sleep, scriptOf, sleepOf } from './shell.ts';

export type HookMoment = 'preStop' | 'postStart';

/** Everything that may stand under `preStop` and `postStart`. */
export const HANDLERS = ['exec', 'httpGet', 'sleep', 'tcpSocket'] as const;

export interface Hook {
  readonly at: Cursor;
  readonly moment: HookMoment;
  readonly handlers: readonly string[];
  readonly http: HttpTarget | undefined;
  readonly exec: Exec | undefined;
  /** Native `sleep`, or what an exec handler sleeps. */
  readonly sleep: HookSleep | undefined;
}

interface HookSleep extends Sleep {
  readonly at: Cursor;
  readonly native: boolean;
}

interface Exec {
  readonly at: Cursor;
  readonly argv: readonly string[];
  /** The SDK's endpoint that it asks for, by `prestop hook` or by any client on the loopback interface. */
  readonly calls: SdkCall | undefined;
}

export type SdkEndpoint = 'prestop' | 'poststart';

interface SdkCall {
  readonly endpoint: SdkEndpoint;
  /** Undefined where the command leaves it to the default. */
  readonly port: number | undefined;
}

export interface HttpTarget {
  readonly at: Cursor;
  readonly path: Cursor;
  readonly port: Cursor;
  readonly host: Cursor;
  readonly scheme: Cursor;
  /** Header names in lower case. */
  readonly headers: ReadonlyMap<string, Cursor>;
}

export function readHook(at: Cursor, moment: HookMoment): Hook | undefined {
  if (!at.exists) return undefined;
  const exec = readExec(at.get('exec'));
  return {
    at,
    moment,
    handlers: HANDLERS.filter((name) => at.get(name).exists),
    http: readHttp(at.get('httpGet')),
    exec,
    sleep: readSleep(at, exec),
  };
}

export function readHttp(at: Cursor): HttpTarget | undefined {
  if (!at.exists) return undefined;
  const headers = new Map<string, Cursor>();
  for (const header of at.get('httpHeaders').items()) {
    const name = header.get('name').text;
    if (name !== undefined) headers.set(name.toLowerCase(), header.get('value'));
  }
  return { at, path: at.get('path'), port: at.get('port'), host: at.get('host'), scheme: at.get('scheme'), headers };
}

/** A path as the SDK's admin server reads it: any number of slashes around it, and no query. */
export function plainPath(path: string | undefined): string | undefined {
  return path
    ?.replace(/[?#].*$/s, '')
    .replace(/^\/*/, '/')
    .replace(/(?<=.)\/+$/, '');
}

/** The SDK's endpoint at a path. */
export function endpointAt(path: string | undefined): SdkEndpoint | undefined {
  const plain = plainPath(path);
  if (plain === SDK_DEFAULTS.paths.prestop) return 'prestop';
  return plain === SDK_DEFAULTS.paths.poststart ? 'poststart' : undefined;
}

/** The endpoint that a hook asks for, over HTTP or by a command. */
export function endpointOf(hook: Hook | undefined): SdkEndpoint | undefined {
  return endpointAt(hook?.http?.path.text) ?? hook?.exec?.calls?.endpoint;
}

function readExec(at: Cursor): Exec | undefined {
  const command = at.get('command');
  const argv = command.texts();
  return argv === undefined ? undefined : { at: command, argv, calls: sdkCall(argv) };
}

function sdkCall(argv: readonly string[]): SdkCall | undefined {
  const text = scriptOf(argv)?.script ?? argv.join(' ');
  const hook = /(?:^|[\s/])(?:prestop|bin\.js)\s+hook\s+(prestop|poststart)\b/.exec(text);
  if (hook !== null) {
    const port = /--port[= ](\d+)/.exec(text)?.[1];
    return { endpoint: hook[1] as SdkEndpoint, port: port === undefined ? undefined : Number(port) };
  }
  const url = /\b(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)\/+(prestop|poststart)(?![\w/-])/.exec(text);
  return url === null ? undefined : { endpoint: url[2] as SdkEndpoint, port: Number(url[1]) };
}

function readSleep(at: Cursor, exec: Exec | undefined): HookSleep | undefined {
  const native = at.at('sleep', 'seconds');
  if (native.integer !== undefined) return { at: native, seconds: native.integer, certain: true, native: true };
  const slept = exec === undefined ? undefined : sleepOf(exec.argv);
  return slept === undefined || exec === undefined ? undefined : { at: exec.at, ...slept, native: false };
}
