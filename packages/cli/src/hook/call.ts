import { request } from 'node:http';
import { SDK_DEFAULTS } from '../defaults.ts';
import type { SdkEndpoint } from '../lint/hook.ts';

export interface Call {
  readonly endpoint: SdkEndpoint;
  readonly port: number;
  readonly token: string | undefined;
  /** Milliseconds; undefined waits as long as it takes, since only the kubelet knows how long that may be. */
  readonly timeoutMs: number | undefined;
}

export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  /** Nothing listens, or the connection ended before the answer. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** `timeoutMs` passed; `connected` tells whether anybody had taken the call. */
  | { readonly kind: 'timeout'; readonly connected: boolean };

/** The admin server listens on the unspecified address, which may be IPv6 only. */
const LOOPBACK = ['127.0.0.1', '::1'] as const;
/** A report is about 1 KB; what is longer is not one. */
const MAX_BODY = 1024 * 1024;

/** Asks the admin server once. Never rejects. */
export async function ask(call: Call): Promise<Answer> {
  const deadline = call.timeoutMs === undefined ? undefined : performance.now() + call.timeoutMs;
  let last: Answer = { kind: 'unreachable', reason: 'nothing was asked' };
  for (const host of LOOPBACK) {
    const left = deadline === undefined ? undefined : Math.max(1, deadline - performance.now());
    const answer = await askAt(host, call, left);
    if (answer.kind !== 'unreachable') return answer;
    // The first reason is the telling one: where IPv6 is off, the second only says so.
    if (last.kind !== 'unreachable' || host === LOOPBACK[0]) last = answer;
    if (answer.reason.includes('before the answer')) return answer;
  }
  return last;
}

function askAt(host: string, { endpoint, port, token }: Call, timeoutMs: number | undefined): Promise<Answer> {
  return new Promise((resolve) => {
    let connected = false;
    const outgoing = request({
      host,
      port,
      path: SDK_DEFAULTS.paths[endpoint],
      // node:http rather than fetch, which gives up waiting for headers after 300 s.
      agent: false,
      headers: {
        'User-Agent': 'prestop-hook',
        Connection: 'close',
        ...(token === undefined ? {} : { [SDK_DEFAULTS.tokenHeader]: token }),
      },
    });
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            finish({ kind: 'timeout', connected });
          }, timeoutMs);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
      outgoing.destroy();
    };
    const fail = (error: Error): void => {
      const code = (error as NodeJS.ErrnoException).code ?? error.message;
      const reason = connected ? 'the connection ended before the answer' : `${code} at ${host} port ${port}`;
      finish({ kind: 'unreachable', reason });
    };
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true;
      });
    });
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      const chunks: string[] = [];
      let length = 0;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        length += chunk.length;
        if (length <= MAX_BODY) chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => finish({ kind: 'answer', status: response.statusCode ?? 0, body: chunks.join('') }));
    });
    outgoing.end();
  });
}
