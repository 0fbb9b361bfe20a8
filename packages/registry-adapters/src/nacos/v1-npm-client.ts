import type { Answer, Failures } from './failures.ts';
import type { HttpRequest, Params } from './http.ts';
import type { NpmClient, NpmClientClass } from './npm-package.ts';
import type { Credentials } from './options.ts';
import { withoutHoldingTheProcess } from './unref-timers.ts';

export interface NpmClientCall {
  readonly Client: NpmClientClass;
  readonly failures: Failures;
  readonly credentials: Credentials;
  /** Origin of the only server this client knows; trying the next one is not the client's business. */
  readonly server: string;
  readonly namespaceId: string;
  /** Sends what the client wants sent. Its rejection is what {@link callNpmClient} rejects with. */
  readonly send: (request: Omit<HttpRequest, 'what'>) => Promise<Answer>;
}

interface NpmRequestOptions {
  readonly method: HttpRequest['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Params;
}

/** The client logs what it sends; the answers come back to us anyway. */
const SILENT = { info() {}, warn() {}, error() {}, debug() {} };

/**
 * Makes one call with a client of its own, which is closed right after it.
 *
 * A client that lives on costs more than it gives: from its construction it keeps a UDP socket and a loop that sleeps
 * ten seconds at a time, on timers that hold the process and that its `close()` does not end.
 */
export async function callNpmClient(
  { Client, failures, credentials, server, namespaceId, send }: NpmClientCall,
  call: (client: NpmClient) => Promise<unknown>,
): Promise<void> {
  let failure: unknown;
  const request = async (url: string, { method, headers, data }: NpmRequestOptions) => {
    const path = new URL(url).pathname;
    // Only a call longer than the client's first sleep comes to one; the adapter sends its own.
    if (path.endsWith('/instance/beat')) return new Promise(() => undefined);
    try {
      const { status, body } = await send({ method, path, query: data, headers: forwarded(headers) });
      return { status, data: body };
    } catch (error) {
      // The client makes "failed to req API … after all servers tried" of it.
      failure = error;
      throw error;
    }
  };
  const client = await withoutHoldingTheProcess(
    () =>
      new Client({
        logger: SILENT,
        serverList: [new URL(server).host],
        namespace: namespaceId,
        // Asked first, so that the client does not look for keys in the environment.
        aliyunCredentialsProvider: () => accessKeyOf(credentials),
        httpclient: { request },
      }),
  );
  try {
    await call(client);
  } catch (error) {
    throw failure ?? failures.error('invalid', `the npm package "nacos" failed: ${(error as Error).message}`, error);
  } finally {
    await client.close();
  }
}

/** The client's own headers; the others belong to the transport. */
const FORWARDED: readonly string[] = ['User-Agent', 'Client-Version', 'Request-Module', 'RequestId'];

function forwarded(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => FORWARDED.includes(name)));
}

function accessKeyOf(credentials: Credentials): Readonly<Record<string, string | undefined>> {
  if (credentials.kind !== 'access-key') return {};
  const { accessKey, secretKey, securityToken } = credentials;
  return { accessKeyId: accessKey, accessKeySecret: secretKey, securityToken };
}
