import { ENDPOINTS, type Endpoint, type Lifecycle, optionRules } from '@prestop/core';
import type { Request, RequestHandler } from 'express';

export interface PrestopOptions {
  /**
   * Which endpoints the application's port answers. `'probes'` (default): `/livez` and `/readyz`; the kubelet calls the
   * others on the admin port. `'all'`: every one, for platforms that allow a single port; needs a `token`. `'none'`: none.
   */
  readonly endpoints?: 'probes' | 'all' | 'none';
  /**
   * What every endpoint but `/livez` and `/readyz` asks for in the header `x-prestop-token`, at least 8 characters. The
   * manifest sends it in `httpGet.httpHeaders`.
   */
  readonly token?: string | undefined;
}

const OWNER = 'prestop';

const RULES: optionRules.OptionRules<PrestopOptions> = {
  endpoints: optionRules.oneOf('probes', 'all', 'none'),
  token: optionRules.secret(optionRules.text()),
};

const EXPOSED: Readonly<Record<'probes' | 'all' | 'none', readonly Endpoint[]>> = {
  probes: ['/livez', '/readyz'],
  all: ENDPOINTS,
  none: [],
};

/** Where a connection keeps its lifecycle. Written once, since a property more on every request slows Express itself. */
const LIFECYCLE = Symbol('prestop.lifecycle');

interface WithLifecycle {
  [LIFECYCLE]?: Lifecycle;
}

/**
 * The middleware for Express 4 and 5: the endpoints, and {@link drainSignal} for the handlers behind it. Mount it first,
 * so that no other middleware answers, delays or rewrites the kubelet's calls.
 *
 * It does not drain anything by itself: `lifecycle.attach(app.listen(…))` does, and without it requests are not seen.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_CONFLICT` for `endpoints: 'all'` without a token: on the application's port
 * every caller and every route of an ingress reaches `/prestop`, which takes the service away.
 * `ERR_PRESTOP_OPTION_UNKNOWN`, `ERR_PRESTOP_OPTION_INVALID` for the rest.
 */
export function prestop(lifecycle: Lifecycle, options: PrestopOptions = {}): RequestHandler {
  if (typeof (lifecycle as Partial<Lifecycle> | undefined)?.handler !== 'function') {
    throw optionRules.invalidOption(OWNER, 'lifecycle', 'what createLifecycle() returns', lifecycle);
  }
  optionRules.checkOptions<PrestopOptions>(OWNER, options, RULES);
  const endpoints = options.endpoints ?? 'probes';
  if (endpoints === 'all' && options.token === undefined) {
    const rule = '"all" exposes /prestop on the application\'s port, so it needs a token';
    throw optionRules.conflictingOptions(OWNER, 'endpoints', rule, endpoints);
  }
  const handle = lifecycle.handler({ expose: EXPOSED[endpoints], token: options.token });
  return (request, response, next) => {
    const connection = request.socket as WithLifecycle;
    if (connection[LIFECYCLE] !== lifecycle) connection[LIFECYCLE] = lifecycle;
    if (!handle(request, response)) next();
  };
}

/**
 * The signal of one request that aborts when the service starts draining: hand it to `fetch`, end a stream on it. It
 * belongs to the request, so listeners need not be taken off.
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_INVALID` when the middleware has not seen the request.
 */
export function drainSignal(request: Request): AbortSignal {
  const lifecycle = (request.socket as WithLifecycle | undefined)?.[LIFECYCLE];
  if (lifecycle === undefined) {
    throw optionRules.invalidOption(
      'drainSignal',
      'request',
      'one that has passed app.use(prestop(lifecycle))',
      request,
    );
  }
  return lifecycle.requestSignals(request).drain;
}
