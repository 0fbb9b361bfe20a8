import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXIT_CODES, type LifecycleStatus } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { manyAborted } from '../../../core/test/fixtures/aborted.ts';
import { RawHttp2 } from '../../../core/test/fixtures/http2-raw.ts';
import { get } from '../../../core/test/fixtures/messages.ts';
import { certificate, type PodOptions, type TestPod, withPod } from '../../../core/test/fixtures/pod.ts';
import { CLUSTER } from '../../../core/test/fixtures/workers-suite.ts';
import { expectClean, express, GRACE, lameDuckOf, SHORT } from './fixtures/scenario.ts';

const HTTP2 = fileURLToPath(new URL('../../../core/test/fixtures/http2-service.mjs', import.meta.url));
const CANCEL = 8;

/** A connection whose keys were changed before its request was given up. */
async function renegotiateAndAbort(pod: TestPod): Promise<void> {
  const socket = connect({ port: pod.port, ca: certificate.cert, servername: 'localhost', maxVersion: 'TLSv1.2' });
  await once(socket, 'secureConnect');
  await promisify(socket.renegotiate.bind(socket))({});
  socket.write(get('/never'));
  socket.end();
  await once(socket.resume(), 'close');
}

/** Streams that are given up, and sessions that go with streams in flight. */
async function abortStreams(pod: TestPod, sessions: number): Promise<void> {
  for (let session = 0; session < sessions; session++) {
    const client = await RawHttp2.open(pod.port);
    for (let stream = 0; stream < 100; stream++) {
      const id = client.request(stream % 4 === 0 ? '/fast' : '/never');
      if (stream % 2 === 0) client.reset(id, CANCEL);
    }
    await client.ping();
    client.close();
  }
}

/** Some 5,000, 1,000 and 4,000 requests; connections carry several. */
const WAYS: readonly [string, PodOptions, (pod: TestPod) => Promise<unknown>][] = [
  ['over HTTP/1', express(), (pod) => manyAborted(pod, 2_700, true)],
  [
    'over TLS, some after a renegotiation',
    express(SHORT, { tls: certificate }),
    async (pod) => {
      await manyAborted(pod, 450, false);
      for (let round = 0; round < 10; round++) {
        await Promise.all(Array.from({ length: 10 }, () => renegotiateAndAbort(pod)));
      }
    },
  ],
  ['over HTTP/2', { script: HTTP2, options: SHORT }, (pod) => abortStreams(pod, 40)],
];

describe.concurrent('D. nothing else breaks it', () => {
  // hunterloftis/stoppable#30, sebhildebrandt/http-graceful-shutdown#27, thedillonb/http-shutdown#9
  it.each(WAYS)(
    '26. of 10,000 aborted requests nothing is left, and nothing throws: %s',
    async (_way, options, abort) => {
      await withPod(options, async (pod) => {
        await abort(pod);
        let status: LifecycleStatus | undefined;
        const isAtRest = (): boolean => status?.inFlight === 0 && Object.keys(status.connections).length === 0;
        for (const limit = performance.now() + 15_000; !isAtRest() && performance.now() < limit; ) {
          status = JSON.parse((await pod.askAdmin('/status')).body);
        }
        expect(status).toMatchObject({ inFlight: 0, connections: {} });
        expect(Object.keys(status?.connections ?? {})).toEqual([]);
        expectClean(await pod.terminate(true, GRACE));
        expect(pod.service.lines.filter(({ stream }) => stream === 'stderr')).toEqual([]);
      });
    },
  );

  // A beacon of lightship that died twice took another one with it.
  it('27. work that is released twice is released once: other work is still waited for', async () => {
    await withPod(express(SHORT, { env: { CLOSERS: JSON.stringify({ pool: { takes: 0 } }) } }), async (pod) => {
      for (const name of ['first', 'second']) await pod.ask(`/hold?name=${name}`);
      for (let times = 0; times < 2; times++) await pod.ask('/release?name=first');
      const { ended } = await pod.beginTermination(false, GRACE);
      await pod.service.waitForLine(/"to":"draining"/);
      await pause(500);
      await pod.ask('/release?name=second');
      expectClean(await ended);
      const said = pod.service.lines.map(({ text }) => text);
      expect(said.indexOf('closing pool')).toBeGreaterThan(said.indexOf('releasing second'));
    });
  });

  // mcollina/close-with-grace#36
  describe.concurrent('28. a second signal, an uncaught exception and the primary of a cluster have documented ends', () => {
    it('a second signal in the drain ends at once, with its own exit code and a report', async () => {
      await withPod(express(lameDuckOf(8_000)), async (pod) => {
        await pod.beginTermination(false, GRACE);
        pod.service.signal('SIGTERM');
        expect((await pod.service.exited).code, pod.output()).toBe(EXIT_CODES.secondSignal);
        expect(pod.events('report')).toMatchObject([{ report: { outcome: 'second-signal' } }]);
      });
    });

    it('an uncaught exception in the drain has its own exit code and a report; others are answered', async () => {
      await withPod(express({ ...lameDuckOf(2_500), faults: 'terminate' }), async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=3500'));
        await pod.entered('GET /slow?ms=3500');
        const { ended } = await pod.beginTermination(false, GRACE);
        await pod.ask('/throw');
        expect((await busy.readResponse()).status).toBe(200);
        const { timeline, report, detail } = await ended;
        expect(timeline.exit, detail).toEqual({ code: EXIT_CODES.fault, signal: null });
        expect(report, detail).toMatchObject({ outcome: 'fault', requests: { cutCount: 0 } });
      });
    });

    it('unless it is told to, it leaves uncaught exceptions to the handler that is there', async () => {
      const handler = 'process.on("uncaughtException", ({ message }) => console.log("handled:", message))';
      const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(handler)}`];
      await withPod(express(lameDuckOf(2_500), { execArgv }), async (pod) => {
        const { ended } = await pod.beginTermination(false, GRACE);
        await pod.ask('/throw');
        await pod.service.waitForLine(/^handled: a fault$/);
        expectClean(await ended);
      });
    });

    // eggjs/cluster#95, eggjs/cluster#111
    it('the primary of a cluster hands SIGTERM on and waits for its workers', async () => {
      await withPod({ script: CLUSTER, options: SHORT, env: { WORKERS: '2' } }, async (pod) => {
        const busy = await pod.open();
        busy.write(get('/slow?ms=3500'));
        await pod.service.waitForLine(/ has GET \/slow/);
        const { ended } = await pod.beginTermination(false, GRACE);
        expect(await busy.readResponse()).toMatchObject({ status: 200, headers: { connection: 'close' } });
        const ending = await ended;
        expectClean(ending);
        const workers = ending.report.workers?.map(({ outcome, exitCode }) => ({ outcome, exitCode }));
        expect(workers, ending.detail).toEqual(Array.from({ length: 2 }, () => ({ outcome: 'ended', exitCode: 0 })));
      });
    });
  });
});
