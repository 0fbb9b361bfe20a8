import type { IncomingHttpHeaders } from 'node:http';
import type { LongLivedOptions } from './long-lived.ts';

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

/** The head of a request, of HTTP/1 or HTTP/2. An `IncomingMessage` of `node:http` is one. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** Names in lower case; in HTTP/2 with the pseudo-headers. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly httpVersion: string;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Asked about every request, so that it makes nothing. */
export interface RequestClassifier {
  /**
   * Whether it is traffic; not so for probes, the hook call, metrics scrapes and registries' checks. For who has read the
   * fields already, `userAgent` is what they say.
   */
  readonly counts: (request: RequestHead, userAgent?: string) => boolean;
  /**
   * The same by its user agent alone, and none is left by a drain: what may be asked when the request has gone. `undefined`
   * when the user's `isCounted` or the policy for event streams has to see it.
   */
  readonly countsAgent: ((userAgent: string) => boolean) | undefined;
  /** Whether a drain does not wait for it; see {@link LongLivedPolicy}. */
  readonly leaves: (request: RequestHead) => boolean;
}

export interface ClassifierOptions {
  /** User agent prefixes that are not counted. */
  readonly uncountedUserAgents: readonly string[];
  /** The user's own word on requests whose user agent alone would count. */
  readonly isCounted?: ((request: RequestHead) => boolean) | undefined;
  readonly longLived?: Pick<LongLivedOptions, 'eventStreams'>;
}

/**
 * Never throws, since Node would end the process for it: a request for which `isCounted` does is counted, and `onFailure`
 * is told.
 */
export function createClassifier(
  { uncountedUserAgents, isCounted, longLived }: ClassifierOptions,
  onFailure: (error: unknown) => void = () => {},
): RequestClassifier {
  const isTraffic = (request: RequestHead): boolean => {
    try {
      return isCounted?.(request) ?? true;
    } catch (error) {
      onFailure(error);
      return true;
    }
  };
  // Most callers are told from these by their first letter.
  const firstLetters = new Set(uncountedUserAgents.map((prefix) => prefix.charCodeAt(0)));
  const countsAgent = (userAgent: string): boolean =>
    !firstLetters.has(userAgent.charCodeAt(0)) || !uncountedUserAgents.some((prefix) => userAgent.startsWith(prefix));
  const leavesEventStreams = longLived?.eventStreams === 'leave';
  return {
    counts: (request, userAgent = readFields(request.rawHeaders).userAgent) =>
      countsAgent(userAgent) && isTraffic(request),
    countsAgent: isCounted === undefined && !leavesEventStreams ? countsAgent : undefined,
    leaves: leavesEventStreams ? acceptsEventStream : () => false,
  };
}

/** HTML, section 9.2.2: an `EventSource` sends this field with this value. */
function acceptsEventStream({ headers }: RequestHead): boolean {
  return headers.accept?.toLowerCase().includes('text/event-stream') ?? false;
}

const USER_AGENT = 'user-agent';
const CONTENT_LENGTH = 'content-length';
const TRANSFER_ENCODING = 'transfer-encoding';
const LOWER_U = 'u'.charCodeAt(0);
/** What an upper case letter of ASCII lacks of the lower case one. */
const CASE_BIT = 0x20;

/** What one look at the fields of a head tells. */
export interface HeadFields {
  /** Empty if there is none. */
  readonly userAgent: string;
  /** Whether a body is announced (RFC 9112, section 6). */
  readonly announcesBody: boolean;
  /** When written the way every common client does, `Name: value` and CRLF. */
  readonly octets: number;
}

/** Reads the raw list: `request.headers` would parse all of them, for handlers that may never ask. */
export function readFields(rawHeaders: readonly string[]): HeadFields {
  let userAgent: string | undefined;
  let announcesBody = false;
  let octets = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] ?? '';
    octets += name.length + ': '.length + value.length + '\r\n'.length;
    switch (name.length) {
      case USER_AGENT.length:
        if (userAgent === undefined && isUserAgent(name)) userAgent = value;
        break;
      case CONTENT_LENGTH.length:
        announcesBody ||= name.toLowerCase() === CONTENT_LENGTH;
        break;
      case TRANSFER_ENCODING.length:
        announcesBody ||= name.toLowerCase() === TRANSFER_ENCODING;
        break;
    }
  }
  return { userAgent: userAgent ?? '', announcesBody, octets };
}

/** Of a name that is as long. `Connection` is, and most requests have it. */
function isUserAgent(name: string): boolean {
  if ((name.charCodeAt(0) | CASE_BIT) !== LOWER_U) return false;
  return name === 'User-Agent' || name.toLowerCase() === USER_AGENT;
}
