import { fileURLToPath } from 'node:url';
import { EXIT_CODES, type LifecycleOptions, type LifecycleStatus } from '@prestop/core';
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';
import { describeWith, readLoadCounts, runTool } from './fixtures/http2-tools.ts';
import { certificate, type PodOptions, type TestPod, withPod } from './fixtures/pod.ts';

const script = fileURLToPath(new URL('./fixtures/http2-service.mjs', import.meta.url));

/** Long enough for what a tool has begun, short enough for a test. */
const OPTIONS: LifecycleOptions = {
  terminationGracePeriodSeconds: 15,
  floorMs: 300,
  quiet: { minMs: 300, maxMs: 300 },
};

const KINDS = [
  { kind: 'h2c', scheme: 'http', tls: undefined },
  { kind: 'TLS', scheme: 'https', tls: certificate },
] as const;

const service = (options: PodOptions): PodOptions => ({ script, options: OPTIONS, ...options });

async function answered(pod: TestPod, count: number, sessions = 1): Promise<void> {
  const limit = performance.now() + 10_000;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${pod.adminPort}/status`);
    const status = (await response.json()) as LifecycleStatus;
    if (status.answered >= count && (status.connections.http2 ?? 0) >= sessions) return;
    if (performance.now() > limit) throw new Error(`waited in vain for ${count} answers: ${JSON.stringify(status)}`);
  }
}

describeWith(['h2load'], 4)('h2load', () => {
  it.each(KINDS.flatMap((kind) => [0, 5].map((answerMs) => ({ ...kind, answerMs }))))(
    'gets its answers on 20 busy sessions over $kind whose streams are answered after $answerMs ms',
    async (given) => {
      const { scheme, answerMs, tls } = given;
      await withPod(service({ ...(tls && { tls }), env: { ANSWER: String(answerMs) } }), async (pod) => {
        const load = runTool('h2load', ['-D', '4', '-c', '20', '-m', '10', `${scheme}://127.0.0.1:${pod.port}/`]);
        await answered(pod, 1_000, 20);
        const { report, detail } = await pod.terminate(false);
        const { stdout } = await load;
        const { total, succeeded, failed } = readLoadCounts(stdout);
        // A stream that crossed the GOAWAY is refused, and h2load does not send it again as other clients do. Told at
        // once, each of the sessions would have some; most runs have none at all.
        expect(failed, stdout).toBeLessThanOrEqual(5);
        expect({ total, failed }).toEqual({ total: succeeded + failed, failed: total - succeeded });
        expect(total).toBeGreaterThan(1_000);
        // Its callers are pinned to this instance and would never have left by themselves.
        expect(report, detail).toMatchObject({
          outcome: 'clean',
          exitCode: EXIT_CODES.clean,
          lameDuck: { endedBy: 'quiet' },
          connections: { atStart: { http2: 20 }, shed: 20, forced: 0 },
        });
      });
    },
  );
});

describeWith(['nghttp'], 2)('nghttp', () => {
  it.each(KINDS)('reads a GOAWAY that covers its stream over $kind, and then its answer', async ({ scheme, tls }) => {
    await withPod(service({ ...(tls && { tls }) }), async (pod) => {
      const request = runTool('nghttp', ['-v', `${scheme}://127.0.0.1:${pod.port}/slow?ms=2500&id=1`]);
      await pod.entered('GET /slow?ms=2500&id=1');
      const { report } = await pod.terminate(false);
      const { stdout: output, code } = await request;
      const [goaway, answer] = [output.indexOf('recv GOAWAY'), output.indexOf(':status: 200')];
      expect(code, output).toBe(0);
      expect(goaway, output).toBeGreaterThan(0);
      expect(answer, 'the answer comes after it').toBeGreaterThan(goaway);
      const asked = /send HEADERS frame <length=\d+, flags=0x25, stream_id=(\d+)>/.exec(output)?.[1];
      expect(/\(last_stream_id=(\d+), error_code=NO_ERROR/.exec(output)?.[1], output).toBe(asked);
      expect(output).toContain('slow 1');
      expect(report).toMatchObject({ outcome: 'clean', requests: { inFlightAtStart: 1, answered: 1, cutCount: 0 } });
    });
  });
});

describeWith(['curl'], 2)('curl', () => {
  const print = ['--silent', '--write-out', '%{http_version} %{http_code}\n', '--output', '/dev/null'];

  it('gets every answer over TLS while it is sent away again and again', async () => {
    const count = 1_500;
    await withPod(service({ tls: certificate, env: { ANSWER: '20' } }), async (pod) => {
      const url = `https://127.0.0.1:${pod.port}/[1-${count}]`;
      const requests = runTool('curl', [...print, '--insecure', '--parallel', '--parallel-max', '10', url]);
      await answered(pod, 100);
      const { report, detail } = await pod.terminate(false);
      const lines = (await requests).stdout.trim().split('\n');
      expect(new Set(lines), detail).toEqual(new Set(['2 200']));
      expect(lines.length).toBe(count);
      expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
      expect(report.connections.shed, 'it was told, and came again').toBeGreaterThan(1);
    });
  });

  // Not more than one request: curl 7 does not use a connection of prior knowledge again.
  it('gets the answer that it waits for over h2c', async () => {
    await withPod(service({}), async (pod) => {
      const url = `http://127.0.0.1:${pod.port}/slow?ms=2000`;
      const request = runTool('curl', [...print, '--http2-prior-knowledge', url]);
      await pod.entered('GET /slow?ms=2000');
      const { report } = await pod.terminate(false);
      expect((await request).stdout).toBe('2 200\n');
      expect(report).toMatchObject({ outcome: 'clean', requests: { answered: 1, cutCount: 0 } });
    });
  });
});

describe('undici 7', () => {
  const connect = { ca: certificate.cert };

  async function ask(client: Client): Promise<number> {
    const { statusCode, body } = await client.request({ path: '/', method: 'GET' });
    await body.dump();
    return statusCode;
  }

  // undici 7 takes a GOAWAY for the end of the connection, whatever is in flight on it; undici 8 does not.
  it('loses nothing when its callers leave as they learn of the removal', async () => {
    await withPod(service({ tls: certificate, env: { ANSWER: '5' } }), async (pod) => {
      const origin = `https://127.0.0.1:${pod.port}`;
      const clients = Array.from({ length: 20 }, () => new Client(origin, { allowH2: true, connect }));
      const removed = new AbortController();
      const outcomes = Promise.all(
        clients.map(async (client) => {
          const statuses: number[] = [];
          while (!removed.signal.aborted) statuses.push(await ask(client));
          return statuses;
        }),
      );
      await answered(pod, 500);
      const { ended } = await pod.beginTermination(false);
      removed.abort();
      const statuses = (await outcomes).flat();
      expect(new Set(statuses)).toEqual(new Set([200]));
      const { report, detail } = await ended;
      expect(report, detail).toMatchObject({
        outcome: 'clean',
        connections: { atStart: { http2: 20 }, forced: 0, shed: 20 },
      });
      await Promise.all(clients.map((client) => client.close()));
    });
  });
});
