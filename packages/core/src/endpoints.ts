import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from './errors.ts';
import { OPEN_METRICS_TYPE, openMetrics } from './metrics.ts';
import type { TerminationReport } from './report.ts';
import type { LifecycleStatus } from './status.ts';

/** The endpoints. Public contract: `docs/endpoints.md`, counted by a test. */
export const ENDPOINTS = ['/prestop', '/poststart', '/livez', '/readyz', '/status', '/metrics'] as const;

export type Endpoint = (typeof ENDPOINTS)[number];

/** Endpoints that change something or tell something, and therefore ask for the token where there is one. */
export const GUARDED_ENDPOINTS: readonly Endpoint[] = ['/prestop', '/poststart', '/status', '/metrics'];

/** Header of the token; its name is not `Authorization`, which the kubelet drops when it falls back from HTTPS to HTTP. */
export const TOKEN_HEADER = 'x-prestop-token';

export interface EndpointHandlerOptions {
  /** Which endpoints to answer. Default: all. */
  readonly expose?: readonly Endpoint[];
  /** Token that the guarded endpoints ask for. Default: none. */
  readonly token?: string | undefined;
}

/** Answers one request. @returns false when the path is not one of its endpoints; nothing has been done then. */
export type EndpointHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** What the endpoints need of a lifecycle. */
export interface EndpointTarget {
  /** Runs the sequence up to the point where only the signal is missing; `waiting` tells whether its caller still is. */
  prestop(caller: { readonly waiting: () => boolean }): Promise<TerminationReport>;
  poststart(): Promise<void>;
  live(): { readonly ok: boolean; readonly reason: string };
  ready(): { readonly ok: boolean; readonly reason: string };
  status(): Promise<LifecycleStatus>;
  refused(endpoint: Endpoint, remoteAddress: string, reason: string): void;
  /** The request is for an endpoint: it is no traffic. */
  uncount(request: IncomingMessage): void;
}

/**
 * Tolerant on purpose: the kubelet sends whatever the manifest says, older ones a doubled slash, and the status of the
 * answer changes nothing for it. Never redirects.
 */
export function endpointHandler(target: EndpointTarget, options: EndpointHandlerOptions = {}): EndpointHandler {
  const expose = options.expose ?? ENDPOINTS;
  const digest = options.token === undefined ? undefined : digestOf(options.token);
  return (request, response) => {
    const endpoint = endpointOf(request.url ?? '');
    if (endpoint === undefined || !expose.includes(endpoint)) return false;
    target.uncount(request);
    const method = request.method ?? '';
    const methods = endpoint === '/prestop' || endpoint === '/poststart' ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'];
    if (!methods.includes(method)) {
      response.setHeader('Allow', methods.join(', '));
      answer(request, response, 405, { error: `${endpoint} takes ${methods.join(', ')}` });
      return true;
    }
    if (digest !== undefined && GUARDED_ENDPOINTS.includes(endpoint) && !carries(request, digest)) {
      target.refused(endpoint, request.socket.remoteAddress ?? '', 'the token is missing or wrong');
      answer(request, response, 403, { error: 'forbidden' });
      return true;
    }
    // A body is of no use to any endpoint; it is read and dropped, so that the answer is not lost behind it.
    request.resume();
    void respond(target, endpoint, request, response);
    return true;
  };
}

async function respond(
  target: EndpointTarget,
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    switch (endpoint) {
      case '/prestop':
        return answer(request, response, 200, await target.prestop({ waiting: () => !response.destroyed }));
      case '/poststart':
        await target.poststart();
        return answer(request, response, 200, { status: 'ready' });
      case '/livez':
        return answerCheck(request, response, target.live());
      case '/readyz':
        return answerCheck(request, response, target.ready());
      case '/status':
        return answer(request, response, 200, await target.status());
      case '/metrics':
        return send(request, response, 200, OPEN_METRICS_TYPE, openMetrics(await target.status()));
    }
  } catch (error) {
    answer(request, response, 503, { error: messageOf(error) });
  }
}

const SLASH = '/'.charCodeAt(0);

/**
 * The endpoint that a request target names: without query and with any number of slashes around it. Every request of an
 * Express application passes here, so that nothing is made of a target that cannot be one.
 */
function endpointOf(target: string): Endpoint | undefined {
  const query = target.indexOf('?');
  let begin = 0;
  let end = query === -1 ? target.length : query;
  while (target.charCodeAt(begin) === SLASH) begin += 1;
  while (end > begin && target.charCodeAt(end - 1) === SLASH) end -= 1;
  const length = end - begin + 1;
  return ENDPOINTS.find((endpoint) => endpoint.length === length && target.slice(begin, end) === endpoint.slice(1));
}

function answerCheck(
  request: IncomingMessage,
  response: ServerResponse,
  { ok, reason }: { readonly ok: boolean; readonly reason: string },
): void {
  answer(request, response, ok ? 200 : 503, { status: ok ? 'ok' : 'fail', reason });
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  send(request, response, status, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`);
}

/** A small body of known length on a connection that ends: nothing of the kubelet's client is left open. */
function send(request: IncomingMessage, response: ServerResponse, status: number, type: string, text: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function carries(request: IncomingMessage, digest: Buffer): boolean {
  const header = request.headers[TOKEN_HEADER];
  const bearer = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const given = typeof header === 'string' ? header : bearer;
  return given !== undefined && timingSafeEqual(digestOf(given), digest);
}

/** Digests have one length, so that comparing takes the same time for every guess. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
