import type { CallerRequest } from '@prestop/testkit';
import { shownPath } from './shown-path.ts';

/** A request the user wants to be sent. */
export interface DrillRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What its body looks like: its Content-Type where neither its own headers nor those of all have one. */
  readonly bodyType?: string;
  /** How often it is chosen in proportion to the others. */
  readonly weight: number;
  /**
   * Where it comes from. A request that was asked for must work; one that was found in a document is left out when the
   * service does not answer it with 2xx.
   */
  readonly origin: 'asked' | 'found';
}

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** `GET /slow`, `3x GET /`, `POST /orders {"lines":[]}`; the method may be left out; undefined for anything else. */
export function parseRequestLine(line: string): DrillRequest | undefined {
  const match = /^(?:(\d+)x\s+)?(?:([A-Za-z]+)\s+)?(\/\S*)(?:\s+(.*))?$/s.exec(line.trim());
  if (match === null) return undefined;
  const [, weight = '1', method = 'GET', path = '/', body] = match;
  const known = METHODS.find((each) => each === method.toUpperCase());
  if (known === undefined || Number(weight) === 0) return undefined;
  const isJson = body !== undefined && /^[[{]/.test(body);
  return {
    method: known,
    path: encoded(path),
    headers: {},
    ...(body === undefined ? {} : { body }),
    ...(isJson ? { bodyType: 'application/json' } : {}),
    weight: Number(weight),
    origin: 'asked',
  };
}

/** A path as it goes over the wire, where it has letters that may not (RFC 3986 section 2.1). */
export function encoded(path: string): string {
  return path.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent);
}

/** `GET /slow`; not a key, since requests that differ in their queries may have the same. */
export function titleOf({ method, path }: Pick<DrillRequest, 'method' | 'path'>): string {
  return `${method} ${shownPath(path)}`;
}

/** Its own headers before those that go with every request, and these before what its body looks like. */
export function headersOf(
  { headers, bodyType }: DrillRequest,
  ofAll: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return { ...(bodyType === undefined ? {} : { 'content-type': bodyType }), ...ofAll, ...headers };
}

/** As the callers take it, with headers that go with every request. */
export function requestKind(
  request: DrillRequest,
  ofAll: Readonly<Record<string, string>>,
): CallerRequest & { readonly weight: number } {
  const { method, path, body, weight } = request;
  return { method, path, headers: headersOf(request, ofAll), ...(body === undefined ? {} : { body }), weight };
}
