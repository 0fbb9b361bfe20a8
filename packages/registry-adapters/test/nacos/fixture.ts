import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request as it was on the wire. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** Path and query, as servers and proxies log it. */
  readonly url: string;
  readonly query: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
}

export interface Reply {
  readonly status?: number;
  /** An object is sent as JSON. */
  readonly body?: string | object;
}

/** Answers a request; a promise holds the answer back. */
export type Answering = (seen: Seen) => Reply | Promise<Reply>;

/** An HTTP server on a real socket that remembers what it was asked. */
export interface Fixture {
  readonly addr: string;
  readonly seen: readonly Seen[];
  /** The requests for `path`, by method and path: `PUT /nacos/v1/ns/instance/beat`. */
  of(what: string): readonly Seen[];
  /** Resolves when `what` has been asked for `times` times in all. */
  asked(what: string, times?: number): Promise<Seen>;
  close(): Promise<void>;
}

export async function startFixture(
  answer: Answering,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Fixture> {
  const seen: Seen[] = [];
  const waiting = new Set<() => void>();
  const listener: RequestListener = (request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://fixture');
      const one: Seen = {
        method: request.method ?? '',
        path: url.pathname,
        url: request.url ?? '',
        query: Object.fromEntries(url.searchParams),
        form: Object.fromEntries(new URLSearchParams(await text(request))),
        headers: request.headers,
      };
      seen.push(one);
      for (const look of waiting) look();
      const { status = 200, body = '' } = await answer(one);
      response.statusCode = status;
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    })();
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const of = (what: string) => seen.filter(({ method, path }) => `${method} ${path}` === what);
  return {
    addr: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    of,
    asked: (what, times = 1) =>
      new Promise((resolve) => {
        const look = () => {
          const found = of(what)[times - 1];
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A promise to be settled from outside: the moment at which a held answer leaves. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
