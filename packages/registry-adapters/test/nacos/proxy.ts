import { type Fixture, type Reply, type Seen, startFixture } from './fixture.ts';

export interface Proxy extends Fixture {
  /** Decides on every request before it goes through; `undefined` lets it. */
  intercept: (seen: Seen) => Reply | undefined;
}

/** Stands before a real server, remembers what passes, and answers in its place when told to. */
export async function startProxy(target: string): Promise<Proxy> {
  const fixture = await startFixture(async (seen) => {
    const instead = proxy.intercept(seen);
    if (instead !== undefined) return instead;
    const isForm = Object.keys(seen.form).length > 0;
    const { authorization } = seen.headers;
    const response = await fetch(`${target}${seen.url}`, {
      method: seen.method,
      headers: authorization === undefined ? {} : { authorization },
      ...(isForm ? { body: new URLSearchParams(seen.form) } : {}),
    });
    return { status: response.status, body: await response.text() };
  });
  const proxy: Proxy = { ...fixture, intercept: () => undefined };
  return proxy;
}
