import { type CallerTls, type ClientKind, type SendOptions, sendOnce } from '@prestop/testkit';
import { showDuration } from '../duration.ts';
import { DrillError } from '../errors.ts';
import { type DrillRequest, requestKind, titleOf } from './request-line.ts';

const PROTOCOL_MS = 2_000;
const AT_ONCE = 8;
const HINT = "name a route that works: --request 'GET /orders/7'";

export interface Preflight {
  /** What the callers will send. */
  readonly requests: readonly DrillRequest[];
  /** What was left out, and why. */
  readonly leftOut: readonly string[];
}

export interface PreflightOptions {
  readonly requests: readonly DrillRequest[];
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly client: ClientKind;
  readonly tls: CallerTls | undefined;
  /** Longest answer, in milliseconds; what takes longer is lost in the drill as well. */
  readonly timeoutMs: number;
}

/**
 * Sends every request once before anything is deleted: a route that fails by itself would look like a loss.
 *
 * @throws DrillError `ERR_PRESTOP_DRILL_REQUEST` for one that was asked for and is not answered with 2xx, or when none is left.
 */
export async function preflight(target: string, options: PreflightOptions): Promise<Preflight> {
  const left = [...options.requests];
  const problems = new Map<DrillRequest, string>();
  const worker = async (): Promise<void> => {
    for (let request = left.shift(); request !== undefined; request = left.shift()) {
      const problem = await problemWith(target, request, options);
      if (problem !== undefined) problems.set(request, problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const [request, problem] of problems) {
    if (request.origin === 'found') continue;
    const message = `${titleOf(request)} ${problem}, and nothing was deleted yet`;
    const hint = (await otherProtocol(target, options)) ?? HINT;
    throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', message, { hint });
  }
  const requests = options.requests.filter((request) => !problems.has(request));
  const leftOut = [...problems].map(([request, problem]) => `${titleOf(request)} ${problem}`);
  if (requests.length > 0) return { requests, leftOut };
  throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', `no request is left to send: ${leftOut.join('; ')}`, {
    hint: HINT,
  });
}

/** What helps where the service speaks another protocol than it is asked in; undefined for any other reason. */
async function otherProtocol(target: string, { client, tls }: PreflightOptions): Promise<string | undefined> {
  const ask = { method: 'GET', path: '/' };
  const speaks = async (options: SendOptions): Promise<boolean> =>
    (await sendOnce(target, ask, { timeoutMs: PROTOCOL_MS, ...options })).status !== undefined;
  if (await speaks({ client, ...(tls === undefined ? {} : { tls }) })) return undefined;
  if (tls !== undefined && (await speaks({ client }))) return 'it speaks no TLS: leave out --ca and --insecure';
  if (tls !== undefined && (await speaks({ client, tls: { verify: false } }))) {
    return 'it speaks TLS with a certificate that --ca does not trust';
  }
  if (tls === undefined && (await speaks({ client, tls: { verify: false } }))) {
    return 'it speaks TLS: --ca FILE trusts its certificate, --insecure any';
  }
  const other = client === 'http2' ? 'node' : 'http2';
  if (await speaks({ client: other })) return `it is spoken to in the wrong version of HTTP: --clients ${other}`;
  if (!(await speaks({ client: other, tls: { verify: false } }))) return undefined;
  return `it speaks TLS and another version of HTTP: --clients ${other} --insecure`;
}

async function problemWith(
  target: string,
  request: DrillRequest,
  { headers, client, tls, timeoutMs }: PreflightOptions,
): Promise<string | undefined> {
  const options = { client, timeoutMs, ...(tls === undefined ? {} : { tls }) };
  const { status = 0, cause } = await sendOnce(target, requestKind(request, headers), options);
  if (cause === 'ETIMEDOUT') {
    return `was not answered to the end within ${showDuration(timeoutMs)} (--timeout; a stream without an end is for --fault open-stream)`;
  }
  if (cause !== undefined) return `fails: ${cause}`;
  return status >= 200 && status < 300 ? undefined : `answers ${status}`;
}
