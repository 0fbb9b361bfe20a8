import { beforeEach, describe, expect, test } from 'vitest';
import { HttpConnections } from '../src/http-connections.ts';
import { createClassifier } from '../src/request-classifier.ts';
import { Traffic } from '../src/traffic.ts';
import { FakeClock } from './support/fake-clock.ts';
import { type FakeConnection, FakeServer, type RequestShape } from './support/fake-server.ts';

let clock: FakeClock;
let server: FakeServer;
let traffic: Traffic;
let connections: HttpConnections;

function attach(): void {
  const classifier = createClassifier({ uncountedUserAgents: [] });
  const longLived = { eventStreams: 'wait', tunnels: 'wait', upgrades: 'wait' } as const;
  connections = new HttpConnections(server.server, { traffic, clock, classifier, longLived });
}

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer();
  traffic = new Traffic(clock, () => {});
  attach();
});

describe('what has been received is read', () => {
  /** A request and its answer. @returns whether it was read what had come by then. */
  async function reads(caller: FakeConnection, shape?: RequestShape): Promise<boolean> {
    const { reads: before } = caller;
    caller.request(shape).answer();
    await clock.advance(1);
    return caller.reads > before;
  }

  test('once in 10 ms of all connections', async () => {
    const callers = Array.from({ length: 25 }, () => server.connect());
    const read: boolean[] = [];
    for (const caller of callers) read.push(await reads(caller));
    expect(read.flatMap((was, at) => (was ? [at] : []))).toEqual([0, 10, 20]);
  });

  test('where a body came, and not behind it', async () => {
    const caller = server.connect();
    const post = { method: 'POST', headers: { 'content-length': '5' } };
    const read: boolean[] = [];
    for (const shape of [{}, post, {}, { method: 'POST' }]) read.push(await reads(caller, shape));
    expect(read).toEqual([true, true, false, false]);
  });

  test('with the answer to a request with a body, while others are answered', async () => {
    const [writing, reading] = [server.connect(), server.connect()];
    await reads(reading);
    const post = writing.request({ method: 'POST', headers: { 'content-length': '5' } });
    expect([await reads(reading), await reads(reading)]).toEqual([false, false]);
    const { reads: before } = writing;
    post.answer();
    expect(writing.reads).toBe(before + 1);
  });

  test('always, once a request brought a body that its method does not tell of', async () => {
    const caller = server.connect();
    const get = { headers: { 'content-length': '5' } };
    expect([await reads(caller), await reads(caller, get)]).toEqual([true, false]);
    traffic.journal.catchUp();
    expect([await reads(caller), await reads(server.connect())]).toEqual([true, true]);
  });

  test('with every answer during a termination', async () => {
    const caller = server.connect();
    await reads(caller);
    traffic.journal.writeThrough();
    connections.startTelling();
    expect(await reads(caller)).toBe(true);
  });
});

describe('a connection that was closed before anybody went into its requests', () => {
  /** One that was accepted before the server was followed. */
  async function closedBeforeThat(answered: boolean): Promise<void> {
    connections.detach();
    const caller = server.connect();
    attach();
    server.request().answer();
    const exchange = caller.request();
    if (answered) exchange.answer();
    caller.close();
    await clock.advance(1);
  }

  test.each([true, false])('is not followed, and its request is not in flight (answered: %s)', async (answered) => {
    await closedBeforeThat(answered);
    traffic.journal.catchUp();
    await clock.advance(0);
    expect([connections.counts(), traffic.allInFlight, traffic.answered]).toEqual([{ idle: 1 }, 0, 2]);
  });
});
