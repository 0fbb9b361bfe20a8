import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { causeOf } from './errors.ts';
import { type GetAnswer, type GetTarget, httpGet } from './http-get.ts';
import { HOOK_HEADERS, withHeaders } from './kubelet-headers.ts';
import { startCommand } from './process.ts';
import { pause } from './timing.ts';

/** `lifecycle.preStop` of a manifest. */
export type PreStopHook = HttpGetHook | SleepHook | ExecHook;

/** `lifecycle.preStop.sleep`: the kubelet waits by itself and the container hears nothing. */
export interface SleepHook {
  readonly sleepSeconds: number;
}

/** `lifecycle.preStop.exec`: a command in the container; any exit code but 0 is a failed hook. */
export interface ExecHook {
  readonly command: readonly [string, ...string[]];
  /** Added to this process' environment. Default: nothing. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** `lifecycle.preStop.httpGet`. */
export interface HttpGetHook {
  readonly port: number;
  readonly path: string;
  /** Default `127.0.0.1`, which stands for the pod's address. */
  readonly host?: string;
  /** The manifest's `httpHeaders`; they may override Host and User-Agent. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `HTTPS` verifies no certificate and falls back to HTTP without `Authorization`. Default `HTTP`. */
  readonly scheme?: 'HTTP' | 'HTTPS';
}

/** One delivery of the hook. Times in milliseconds since the deletion. */
export interface HookRecord {
  readonly startedAtMs: number;
  /** When the answer was complete or the connection failed; absent when neither had happened by the end of the timeline. */
  readonly endedAtMs?: number;
  /** For people and tests: the kubelet does not look at it. */
  readonly status?: number;
  /** Code of the failure (`ECONNREFUSED`, `exit 1`); SIGTERM follows a failed hook at once. */
  readonly error?: string;
  /** At most the first 10 KiB, decompressed. */
  readonly body?: string;
}

/** A hook on its way. */
export interface HookDelivery {
  /** Resolves when it has ended in whatever way; never rejects. */
  readonly ended: Promise<void>;
  /** As it stands at this moment. */
  record(): HookRecord;
  /** Breaks the connection, as the end of the kubelet's own process does, or ends the sleep or the command. */
  cut(): void;
}

/** Sends hooks over connections that it keeps alive, as one kubelet does. */
export interface HookSender {
  send(hook: PreStopHook, sinceDeletionMs: () => number): HookDelivery;
  /** Closes the idle connections; hooks on their way go on. */
  close(): void;
}

const REDIRECTS = 10;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What the TLS layer says to an answer in plain HTTP, by version of OpenSSL. */
const PLAIN_HTTP_ANSWER: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'EPROTO',
]);

export function hookSender(): HookSender {
  const agent = new Agent({ keepAlive: true });
  const secureAgent = new SecureAgent({ keepAlive: true, rejectUnauthorized: false });

  const get = (target: GetTarget, signal: AbortSignal, onHead: (status: number) => void): Promise<GetAnswer> =>
    httpGet(target, { agent: target.secure ? secureAgent : agent, signal, onHead });

  const run = (hook: PreStopHook, signal: AbortSignal, onHead: (status: number) => void): Promise<HookResult> => {
    if ('sleepSeconds' in hook) return sleepFor(hook.sleepSeconds, signal);
    if ('command' in hook) return runCommand(hook, signal);
    return deliver(targetOf(hook), (target) => get(target, signal, onHead));
  };

  return {
    send(hook, sinceDeletionMs) {
      const cutting = new AbortController();
      const record: { -readonly [Key in keyof HookRecord]: HookRecord[Key] } = { startedAtMs: sinceDeletionMs() };
      const onHead = (status: number) => {
        record.status = status;
      };
      const ended = run(hook, cutting.signal, onHead).then(
        ({ status, body }) => {
          if (status !== undefined) Object.assign(record, { status, body });
          record.endedAtMs = sinceDeletionMs();
        },
        (failure: unknown) => {
          const error = cutting.signal.aborted ? 'CUT' : causeOf(failure);
          Object.assign(record, { error, endedAtMs: sinceDeletionMs() });
        },
      );
      return {
        ended,
        record: () => ({ ...record }),
        cut: () => {
          // Once it has ended its connection may be idle in the pool, and is not this delivery's any more.
          if (record.endedAtMs === undefined) cutting.abort();
        },
      };
    },
    close() {
      for (const sockets of [agent.freeSockets, secureAgent.freeSockets]) {
        for (const socket of Object.values(sockets).flat()) socket?.destroy();
      }
    },
  };
}

/** What a hook over HTTP answered; nothing for the other kinds. */
type HookResult = Partial<GetAnswer>;

/** Ends early with the kubelet itself, and with a deletion that shortens the grace period (kubelet, `runSleepHandler`). */
async function sleepFor(seconds: number, signal: AbortSignal): Promise<HookResult> {
  const sleep = pause(seconds * 1000);
  const end = () => sleep.end();
  signal.addEventListener('abort', end, { once: true });
  await sleep.over;
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  return {};
}

async function runCommand(hook: ExecHook, signal: AbortSignal): Promise<HookResult> {
  const running = await startCommand(hook);
  const kill = () => void running.kill();
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const { code, signal: endedBy } = await running.exited;
  signal.removeEventListener('abort', kill);
  if (code !== 0) throw new Error(endedBy ?? `exit ${code}`);
  return {};
}

function targetOf(hook: HttpGetHook): GetTarget {
  return {
    secure: hook.scheme === 'HTTPS',
    host: hook.host ?? '127.0.0.1',
    port: hook.port,
    path: hook.path.startsWith('/') ? hook.path : `/${hook.path}`,
    headers: withHeaders(HOOK_HEADERS, hook.headers),
  };
}

async function deliver(target: GetTarget, get: (target: GetTarget) => Promise<GetAnswer>): Promise<GetAnswer> {
  let from = target;
  for (let redirects = 0; ; redirects++) {
    const answer = await getOrFallBack(from, get);
    const next = REDIRECT_STATUSES.has(answer.status) ? redirectTarget(from, answer.location) : undefined;
    if (next === undefined) return answer;
    if (redirects === REDIRECTS) throw new Error(`stopped after ${REDIRECTS} redirects`);
    from = next;
  }
}

async function getOrFallBack(target: GetTarget, get: (target: GetTarget) => Promise<GetAnswer>): Promise<GetAnswer> {
  try {
    return await get(target);
  } catch (failure) {
    if (!target.secure || !PLAIN_HTTP_ANSWER.has(causeOf(failure))) throw failure;
    const headers = Object.entries(target.headers).filter(([name]) => name.toLowerCase() !== 'authorization');
    return get({ ...target, secure: false, headers: Object.fromEntries(headers) });
  }
}

/** The kubelet follows a redirect only within the same host name; any other answer it takes as it is. */
function redirectTarget(from: GetTarget, location: string | undefined): GetTarget | undefined {
  if (location === undefined) return undefined;
  const host = from.host.includes(':') ? `[${from.host}]` : from.host;
  const base = new URL(`${from.secure ? 'https' : 'http'}://${host}:${from.port}`);
  if (!URL.canParse(location, new URL(from.path, base).href)) return undefined;
  const url = new URL(location, new URL(from.path, base));
  if (url.hostname !== base.hostname) return undefined;
  const secure = url.protocol === 'https:';
  return { ...from, secure, port: Number(url.port || (secure ? 443 : 80)), path: `${url.pathname}${url.search}` };
}
