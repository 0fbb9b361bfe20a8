import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { selfSignedCertificate } from '@prestop/testkit';
import { describe, expect, it, test } from 'vitest';
import { folder } from '../support/folder.ts';
import { drilled, outcomes } from './support/drill.ts';

/** The services of the benchmark: each library in its own best documented configuration. */
const peer = (name: string) => [
  'node',
  fileURLToPath(new URL(`../../../../benchmarks/servers/${name}.mjs`, import.meta.url)),
];
const REQUESTS = ['-r', '8x GET /orders/7', '-r', 'GET /orders/7/invoice', '-r', 'GET /orders'];
const FAULTS = ['--fault', 'silent-connection,half-head,pipelined'];

/** Options for a certificate of its own. */
function overTls(): string[] {
  const { cert, key } = selfSignedCertificate();
  const files = folder({ 'cert.pem': cert, 'key.pem': key });
  return ['-e', `TLS_CERT=${files}/cert.pem`, '-e', `TLS_KEY=${files}/key.pem`, '--ca', `${files}/cert.pem`];
}

function overHttp2(): string[] {
  return [...overTls(), '-e', 'HTTP2=1', '--clients', 'http2'];
}

/** All that stop on SIGTERM alone, with what else they lose beside the requests of ordinary callers. */
const PEERS = [
  { name: 'server-close', faults: [] },
  { name: 'http-terminator', faults: ['silent-connection', 'half-head', 'pipelined'] },
  { name: 'stoppable', faults: ['silent-connection', 'half-head', 'pipelined'] },
  { name: 'terminus', faults: ['silent-connection', 'half-head', 'pipelined'] },
  { name: 'lightship', faults: ['silent-connection', 'half-head', 'pipelined'] },
  { name: 'http-graceful-shutdown', faults: ['silent-connection', 'half-head', 'pipelined'] },
  { name: 'close-with-grace', faults: [] },
  { name: 'fastify', faults: [] },
  { name: 'nest', faults: [] },
] as const;

test('every library of the benchmark is among them', () => {
  const others = ['common', 'cost', 'prestop'];
  const files = readdirSync(new URL('../../../../benchmarks/servers', import.meta.url));
  const names = files.map((file) => file.replace('.mjs', '')).filter((name) => !others.includes(name));
  expect(PEERS.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
});

describe('the drill finds what is lost', () => {
  // Each has processes and ports of its own, and waits most of the time.
  it.concurrent.each(PEERS)('by $name', { timeout: 60_000 }, async ({ name, faults }) => {
    const { code, result } = await drilled([...REQUESTS, ...FAULTS, '--hook', 'none'], peer(name));
    expect(result.tally.lostCount).toBeGreaterThan(0);
    expect(outcomes(result)).toMatchObject({
      answered: 'fail',
      ...Object.fromEntries(faults.map((fault) => [`fault:${fault}`, 'fail'])),
    });
    expect(code).toBe(1);
  });

  it('by a pause that is shorter than its callers need', { timeout: 60_000 }, async () => {
    const pause = ['-e', 'DELAY_MS=1000', '--hook', 'none', '--lag', '2s'];
    const { result } = await drilled([...REQUESTS, ...pause], peer('terminus'));
    expect(result.losses.length).toBeGreaterThan(0);
    expect(Math.min(...result.losses.map(({ firstMs }) => firstMs))).toBeGreaterThan(500);
  });

  it('of requests that were in flight over TLS: http-graceful-shutdown', { timeout: 60_000 }, async () => {
    const tls = overTls();
    const inFlight = ['-r', 'GET /orders/7/invoice', '--hook', 'none', '--clients', 'node'];
    const lostBefore = async (name: string): Promise<number> => {
      const { result } = await drilled([...tls, ...inFlight], peer(name));
      return result.losses.flatMap(({ examples }) => examples).filter(({ sentMs }) => sentMs < 0).length;
    };
    expect(await lostBefore('http-graceful-shutdown')).toBeGreaterThan(0);
    expect(await lostBefore('stoppable')).toBe(0);
  });

  it.concurrent.each(['http-terminator', 'stoppable', 'terminus', 'lightship', 'http-graceful-shutdown'])(
    'of streams that were in flight over HTTP/2: %s',
    { timeout: 60_000 },
    async (name) => {
      const slow = ['-r', 'GET /orders/7/invoice', '--hook', 'none'];
      const { code, result } = await drilled([...overHttp2(), ...slow], peer(name));
      // Of all that were lost: the examples are a few of them, and those that came later may be lost first.
      const firstMs = Math.min(...result.losses.map((loss) => loss.firstMs));
      expect(firstMs, JSON.stringify(result.losses)).toBeLessThan(0);
      expect(code).toBe(1);
    },
  );

  // They lose no stream, since they wait for sessions that nobody ends.
  it.concurrent.each(['server-close', 'fastify', 'close-with-grace'])(
    'in time that nobody needs, over HTTP/2: %s',
    { timeout: 60_000 },
    async (name) => {
      const short = ['--grace', '6', '--max-exit', '4s', '--hook', 'none'];
      const { code, result } = await drilled([...overHttp2(), ...REQUESTS, ...short], peer(name));
      expect(outcomes(result)).toMatchObject({ answered: 'pass', 'in-time': 'fail' });
      expect(code).toBe(1);
    },
  );

  it('in time that nobody needs: server.close() waits for idle connections', { timeout: 60_000 }, async () => {
    const { result } = await drilled([...REQUESTS, '--hook', 'none', '--max-exit', '3s'], peer('server-close'));
    expect(outcomes(result)['in-time']).toBe('fail');
  });
});

describe('and nothing is lost', () => {
  it.concurrent.each<{ where: string; options: () => string[] }>([
    { where: 'endpoints', options: () => FAULTS },
    { where: 'a registry', options: () => [...FAULTS, '--registry', 'file:REGISTRY_DIR'] },
    { where: 'over TLS', options: () => [...FAULTS, ...overTls()] },
    { where: 'over HTTP/2', options: overHttp2 },
  ])('by prestop: $where', { timeout: 60_000 }, async ({ options }) => {
    const { code, result } = await drilled([...REQUESTS, ...options()], peer('prestop'));
    expect(result.losses).toEqual([]);
    expect(result.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(code).toBe(0);
  });
});
