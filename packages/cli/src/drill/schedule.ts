import { createHash } from 'node:crypto';
import { type PlannedRequest, plannedRequests } from '@prestop/testkit';
import { lagsOf } from './lag.ts';
import { requestKind } from './requests/request-line.ts';
import type { LoadSetting } from './settings.ts';

/** Requests of each caller that count for the digest; with the seed they decide all that follow. */
const DIGESTED = 50;

/** The first requests of a caller. */
export function scheduleOf(load: LoadSetting, seed: number, caller: number, count: number): PlannedRequest[] {
  const requests = load.requests.map((request) => requestKind(request, {}));
  return plannedRequests(caller, count, { requests, thinkMs: load.thinkMs, seed });
}

/**
 * What the callers will do, in 16 hexadecimal digits: the same for two drills whose callers send the same requests with
 * the same pauses and learn equally late. Says nothing of headers.
 */
export function scheduleDigest(load: LoadSetting, seed: number): string {
  const hash = createHash('sha256');
  const lags = lagsOf(load.lag, load.callers, seed);
  for (let caller = 0; caller < load.callers; caller++) {
    const planned = scheduleOf(load, seed, caller, DIGESTED).map(
      ({ pauseMs, request: { method, path, body } }) => [pauseMs, method, path, body] as const,
    );
    hash.update(JSON.stringify([lags[caller], load.clients[caller % load.clients.length], planned]));
  }
  return hash.digest('hex').slice(0, 16);
}
