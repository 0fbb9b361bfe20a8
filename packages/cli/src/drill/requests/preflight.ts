import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { CallerTls } from '@prestop/testkit';
import { showDuration } from '../duration.ts';
import { DrillError } from '../errors.ts';
import { type DrillRequest, titleOf } from './request-line.ts';

/** Longest answer to a request before the drill, in milliseconds; what takes longer is a stream without an end. */
const LONGEST_MS = 10_000;
const AT_ONCE = 8;

export interface Preflight {
  /** What the callers will send. */
  readonly requests: readonly DrillRequest[];
  /** What was left out, and why. */
  readonly leftOut: readonly string[];
}

/**
 * Sends every request once before anything is deleted: a route that fails by itself would look like a loss.
 *
 * @throws DrillError `ERR_PRESTOP_DRILL_REQUEST` for one that was asked for and is not answered with 2xx, or when none is left.
 */
export async function preflight(
  target: string,
  requests: readonly DrillRequest[],
  headers: Readonly<Record<string, string>>,
  tls: CallerTls | undefined,
): Promise<Preflight> {
  const left = [...requests.entries()];
  const problems = new Map<number, string>();
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, request] = next;
      const problem = await problemWith(target, request, headers, tls);
      if (problem !== undefined) problems.set(index, problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const [index, request] of requests.entries()) {
    const problem = problems.get(index);
    if (problem === undefined || request.origin === 'found') continue;
    throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', `${titleOf(request)} ${problem}, and nothing was deleted yet`, {
      hint: "name a route that works: --request 'GET /orders/7'",
    });
  }
  const working = requests.filter((_, index) => !problems.has(index));
  const leftOut = [...problems].map(([index, problem]) => {
    const request = requests[index];
    return request === undefined ? problem : `${titleOf(request)} ${problem}`;
  });
  if (working.length > 0) return { requests: working, leftOut };
  throw new DrillError('ERR_PRESTOP_DRILL_REQUEST', `no request is left to send: ${leftOut.join('; ')}`, {
    hint: "name a route that works: --request 'GET /orders/7'",
  });
}

async function problemWith(
  target: string,
  request: DrillRequest,
  headers: Readonly<Record<string, string>>,
  tls: CallerTls | undefined,
): Promise<string | undefined> {
  try {
    const status = await statusOf(target, request, headers, tls);
    return status >= 200 && status < 300 ? undefined : `answers ${status}`;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') {
      return `was not answered to the end within ${showDuration(LONGEST_MS)} (a stream without an end is for --fault open-stream)`;
    }
    return `fails: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Resolves when the whole answer is there. */
function statusOf(
  target: string,
  { method, path, headers, body }: DrillRequest,
  shared: Readonly<Record<string, string>>,
  tls: CallerTls | undefined,
): Promise<number> {
  const url = `${tls === undefined ? 'http' : 'https'}://${target}${path}`;
  const options = {
    method,
    headers: { ...shared, ...headers, connection: 'close' },
    agent: false as const,
    signal: AbortSignal.timeout(LONGEST_MS),
    ...(tls === undefined ? {} : 'ca' in tls ? { ca: tls.ca } : { rejectUnauthorized: false }),
  };
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
      response.resume();
    };
    const outgoing =
      tls === undefined ? plainRequest(url, options, onResponse) : secureRequest(url, options, onResponse);
    outgoing.once('error', (error) => reject(options.signal.aborted ? new DOMException('', 'AbortError') : error));
    outgoing.end(body);
  });
}
