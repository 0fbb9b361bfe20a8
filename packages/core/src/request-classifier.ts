import type { IncomingMessage } from 'node:http';
import type { RequestFacts } from './traffic.ts';

/**
 * User agents, by prefix, that call because the service exists and not because somebody needs it: the kubelet's probes
 * and hooks, registries' and load balancers' health checks, metrics scrapes. They neither keep a service from being
 * quiet nor hold up its drain.
 */
export const UNCOUNTED_USER_AGENTS: readonly string[] = [
  'kube-probe/',
  'kube-lifecycle/',
  'Consul Health Check',
  'Nacos-',
  'Prometheus/',
  'ELB-HealthChecker/',
  'GoogleHC/',
  'Envoy/HC',
];

export type RequestClassifier = (request: IncomingMessage) => RequestFacts;

export interface ClassifierOptions {
  /** User agent prefixes that are not counted. */
  readonly uncountedUserAgents: readonly string[];
  /** The user's own word on requests whose user agent alone would count. */
  readonly isCounted?: ((request: IncomingMessage) => boolean) | undefined;
}

export function createClassifier({ uncountedUserAgents, isCounted }: ClassifierOptions): RequestClassifier {
  return (request) => {
    const userAgent = userAgentOf(request.rawHeaders);
    const uncounted = uncountedUserAgents.some((prefix) => userAgent.startsWith(prefix));
    return {
      method: request.method ?? '',
      target: request.url ?? '',
      userAgent,
      remoteAddress: request.socket.remoteAddress ?? '',
      counted: !uncounted && (isCounted?.(request) ?? true),
    };
  };
}

const USER_AGENT = 'user-agent';

/** Reads the raw list: `request.headers` would parse all of them, for handlers that may never ask. */
function userAgentOf(rawHeaders: readonly string[]): string {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === USER_AGENT.length && name.toLowerCase() === USER_AGENT) return rawHeaders[index + 1] ?? '';
  }
  return '';
}
