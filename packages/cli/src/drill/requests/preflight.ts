import { type CallerTls, type ClientKind, sendOnce } from '@prestop/testkit';
import { showDuration } from '../duration.ts';
import { DrillError } from '../errors.ts';
import { type DrillRequest, titleOf } from './request-line.ts';

/** Longest answer to a request before the drill, in milliseconds; what takes longer is a stream without an end. */
const LONGEST_MS = 10_000;
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
    throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', message, { hint: HINT });
  }
  const requests = options.requests.filter((request) => !problems.has(request));
  const leftOut = [...problems].map(([request, problem]) => `${titleOf(request)} ${problem}`);
  if (requests.length > 0) return { requests, leftOut };
  throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', `no request is left to send: ${leftOut.join('; ')}`, {
    hint: HINT,
  });
}

async function problemWith(
  target: string,
  request: DrillRequest,
  { headers, client, tls }: PreflightOptions,
): Promise<string | undefined> {
  const { method, path, body } = request;
  const call = { method, path, headers: { ...headers, ...request.headers }, ...(body === undefined ? {} : { body }) };
  const options = { client, timeoutMs: LONGEST_MS, ...(tls === undefined ? {} : { tls }) };
  const { status = 0, cause } = await sendOnce(target, call, options);
  if (cause === 'ETIMEDOUT') {
    return `was not answered to the end within ${showDuration(LONGEST_MS)} (a stream without an end is for --fault open-stream)`;
  }
  if (cause !== undefined) return `fails: ${cause}`;
  return status >= 200 && status < 300 ? undefined : `answers ${status}`;
}
