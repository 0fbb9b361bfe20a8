import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type DrillEvent, type DrillSettings, drill } from '../../src/drill/index.ts';
import { drilledService, fixture } from './support/drill.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server, port = 0): Promise<number> {
  servers.push(server);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

interface Pods {
  /** What every pod asks before it listens. */
  readonly control: string;
  /** Lets the pod go on whose port was taken: it ends. */
  readonly release: () => void;
}

/** Takes the port of the `nth` pod before it listens itself, and answers there in its place. Those after it never listen. */
async function takingThePortOf(nth: number, signal = ''): Promise<Pods> {
  let asked = 0;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const control = createServer(async ({ url = '' }, response) => {
    asked += 1;
    if (asked < nth) return response.end();
    if (asked > nth) return undefined;
    const inItsPlace = createServer((_, answer) => answer.end('ok'));
    await listening(inItsPlace, Number(url.slice(1)));
    await released;
    return response.end(signal);
  });
  return { control: `http://127.0.0.1:${await listening(control)}`, release };
}

function settings(env: Readonly<Record<string, string>>, longestLagMs: number): DrillSettings {
  return {
    service: {
      command: [process.execPath, fixture('late-listener.mjs')],
      cwd: process.cwd(),
      env,
      ports: [{ settings: ['PORT'] }],
      hook: { kind: 'none' },
      readiness: { kind: 'tcp' },
      readinessPeriod: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3 },
      startTimeoutMs: 20_000,
      graceSeconds: 5,
    },
    load: {
      requests: [{ method: 'GET', path: '/', headers: {}, weight: 1, origin: 'asked' }],
      headers: {},
      callers: 10,
      thinkMs: 20,
      clients: ['new-connection'],
      timeoutMs: 5_000,
      lag: { shape: 'uniform', fromMs: 0, toMs: longestLagMs },
      warmUpMs: 300,
    },
    cases: ['rolling'],
    faults: [],
    replicas: 1,
    seed: 1,
  };
}

/** No case ends by itself sooner. */
const LONG_MS = 20_000;

const isStarting =
  (pod: string) =>
  (event: DrillEvent): boolean =>
    event.type === 'pod-starting' && event.pod === pod;

describe('a pod whose process ends before it is deleted is no result, whoever answers in its place', () => {
  it.each<{ when: string; nth: number; ends: (event: DrillEvent) => boolean }>([
    { when: 'while it starts', nth: 1, ends: isStarting('pod-1') },
    { when: 'as soon as it is ready', nth: 1, ends: ({ type }) => type === 'pod-ready' },
    { when: 'while callers warm up', nth: 1, ends: ({ type }) => type === 'warm-up' },
    { when: 'while the next one starts', nth: 1, ends: isStarting('pod-2') },
    { when: 'beside the one that is deleted', nth: 2, ends: ({ type }) => type === 'stopping' },
  ])('$when', async ({ nth, ends }) => {
    const { control, release } = await takingThePortOf(nth);
    const onEvent = (event: DrillEvent) => {
      if (ends(event)) release();
    };
    await expect(drill(settings({ CONTROL: control }, LONG_MS), { onEvent })).rejects.toMatchObject({
      code: 'ERR_PRESTOP_DRILL_SERVICE',
      message: expect.stringMatching(
        /late-listener\.mjs ended with exit code 1 before it was (ready|deleted)\. Its last output:[\s\S]*EADDRINUSE/,
      ),
    });
  });

  it('by a signal', async () => {
    const { control, release } = await takingThePortOf(1, 'SIGKILL');
    const onEvent = (event: DrillEvent) => {
      if (event.type === 'warm-up') release();
    };
    await expect(drill(settings({ CONTROL: control }, LONG_MS), { onEvent })).rejects.toMatchObject({
      code: 'ERR_PRESTOP_DRILL_SERVICE',
      message: expect.stringContaining('ended with SIGKILL before it was deleted. It said nothing.'),
    });
  });
});

describe('a process that ends once it is being deleted', () => {
  it('is a result, however it ends', async () => {
    const { service, ...rest } = settings({}, 500);
    const hook = { kind: 'http', slot: 0, path: '/end' } as const;
    const { verdict, cases } = await drill({ ...rest, service: { ...service, hook } });
    expect(verdict).toBe('failed');
    expect(cases[0]?.pods[0]?.timeline.exit).toEqual({ code: 3, signal: null });
    expect(cases[0]?.pods[0]?.timeline.exitedAtMs).toBeGreaterThanOrEqual(0);
  });

  it('and what ends with a case does not concern the next', async () => {
    const { report } = await drilledService('exit', '--case', 'liveness-restart,rolling,signal-only');
    const ended = report.services[0]?.cases.map((result) => [result.case, result.pods[0]?.timeline.exit?.code]);
    expect(ended).toEqual([
      ['liveness-restart', 0],
      ['rolling', 0],
      ['signal-only', 0],
    ]);
  });
});
