import type { CallerRequest, CallerTls, ClientKind, Outcome, TargetClient } from './caller-client.ts';
import { http2Client } from './caller-http2.ts';
import { nodeClient } from './caller-node.ts';
import { undiciClient } from './caller-undici.ts';

/** The connections of one caller to `target`, which is `host:port`. */
export function targetClient(kind: ClientKind, target: string, tls: CallerTls | undefined): TargetClient {
  const url = new URL(`${tls === undefined ? 'http' : 'https'}://${target}`);
  switch (kind) {
    case 'node':
      return nodeClient(url, 'kept-alive', tls);
    case 'new-connection':
      return nodeClient(url, 'new', tls);
    case 'undici':
      return undiciClient(url, tls);
    case 'http2':
      return http2Client(url, tls);
  }
}

export interface SendOptions {
  /** Default `node`. */
  readonly client?: ClientKind;
  /** Default: plain HTTP. */
  readonly tls?: CallerTls;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

/** Sends one request as a caller would, over a connection of its own. Never rejects. */
export async function sendOnce(target: string, request: CallerRequest, options: SendOptions = {}): Promise<Outcome> {
  const { client: kind = 'node', tls, timeoutMs = 30_000 } = options;
  const client = targetClient(kind, target, tls);
  try {
    return await client.send(request, timeoutMs);
  } finally {
    client.close();
  }
}
