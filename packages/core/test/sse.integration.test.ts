import { getEventListeners } from 'node:events';
import { connect as connectHttp2, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { EXIT_CODES, endEventStream, type Lifecycle, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { withHttp2 } from './fixtures/http2-local.ts';
import { withLifecycle } from './fixtures/local.ts';
import { get } from './fixtures/messages.ts';
import { withPod } from './fixtures/pod.ts';
import { until } from './fixtures/until.ts';

const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 10, floorMs: 0, quiet: { minMs: 50, maxMs: 50 } };
const EVENT_STREAM = { 'Content-Type': 'text/event-stream' };

describe.concurrent('endEventStream', () => {
  it('ends a stream at the drain', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const { open } = await serve((request, response) => {
        response.writeHead(200, EVENT_STREAM);
        response.write('data: one\n\n');
        endEventStream(response, { retryMs: 1_500, signal: lifecycle.requestSignals(request).drain });
      });
      const socket = await open();
      socket.write(get('/events', { Accept: 'text/event-stream' }));
      await until(() => socket.unread().includes('one'), 'the stream has begun');
      expect(lifecycle.status().inFlight).toBe(1);
      const report = await lifecycle.terminate();
      expect((await socket.readResponse()).body).toBe('data: one\n\n:\nretry: 1500\n');
      expect(report).toMatchObject({ outcome: 'clean', requests: { answered: 1, cutCount: 0 } });
      expect(report.totalMs, 'at the drain, and not at the deadline').toBeLessThan(4_000);
    });
  });

  it.each([
    { title: 'at the end of an event', written: 'data: one\n\n' },
    { title: 'within an event', written: 'data: one\n\ndata: half\n' },
    { title: 'within a line', written: 'data: one\n\ndata: half' },
  ])('says when to come back and completes no event: $title', async ({ written }) => {
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const { ask } = await serve((_request, response) => {
        response.writeHead(200, EVENT_STREAM).write(written);
        endEventStream(response, { retryMs: 1_500 });
      });
      expect(interpret((await ask(get('/events'))).body)).toEqual({ events: ['one'], retryMs: 1_500 });
    });
  });

  it('ends a stream that begins during the drain at once, and one without a signal too', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const aborted = AbortSignal.abort();
      const { ask } = await serve((request, response) => {
        response.writeHead(200, EVENT_STREAM);
        endEventStream(response, request.url === '/signal' ? { retryMs: 7, signal: aborted } : { retryMs: 7 });
      });
      expect((await ask(get('/signal'))).body).toBe(':\nretry: 7\n');
      expect((await ask(get('/now'))).body).toBe(':\nretry: 7\n');
      await lifecycle.stop();
    });
  });

  it('says nothing about when to come back unless it is told to', async () => {
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const { ask } = await serve((_request, response) => {
        response.write('data: last\n\n');
        endEventStream(response);
      });
      expect((await ask(get('/'))).body).toBe('data: last\n\n');
    });
  });

  it('spreads the clients over a range', async () => {
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const { ask } = await serve((_request, response) => endEventStream(response, { retryMs: [100, 400] }));
      const bodies = await Promise.all(Array.from({ length: 40 }, async () => (await ask(get('/'))).body));
      const delays = bodies.map((body) => Number(/^:\nretry: (\d+)\n$/.exec(body)?.[1]));
      for (const delay of delays) {
        expect(delay).toBeGreaterThanOrEqual(100);
        expect(delay).toBeLessThanOrEqual(400);
      }
      expect(new Set(delays).size).toBeGreaterThan(5);
    });
  });

  it('drops what a timer writes afterwards, and calls back', async () => {
    let written = 0;
    let closed = false;
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const { ask } = await serve((_request, response) => {
        response.once('close', () => {
          closed = true;
        });
        response.write('data: one\n\n');
        endEventStream(response, { retryMs: 5 });
        response.write('data: late\n\n', () => {
          written += 1;
        });
        response.end('data: later\n\n');
        endEventStream(response, { retryMs: 6 });
      });
      expect((await ask(get('/'))).body).toBe('data: one\n\n:\nretry: 5\n');
      await until(() => closed && written === 1, 'the response is closed');
    });
  });

  it('listens to a signal no longer than the response lives', async () => {
    const drain = new AbortController();
    const [added, removed]: [number, number] = [0, 0];
    const counts = { added, removed };
    const { signal } = drain;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      counts.added += 1;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      counts.removed += 1;
      remove(...given);
    };
    await withLifecycle(OPTIONS, async ({ serve }) => {
      const { ask } = await serve((_request, response) => {
        endEventStream(response, { signal });
        response.end('data: done\n\n');
      });
      expect((await ask(get('/'))).body).toBe('data: done\n\n');
      await until(() => counts.removed === 1, 'it is taken off');
      expect(counts).toEqual({ added: 1, removed: 1 });
      drain.abort();
    });
  });

  it('leaves no listener behind for a caller that had gone before it was asked for', async () => {
    await withLifecycle(OPTIONS, async ({ lifecycle, serve }) => {
      const done = new Promise<AbortSignal>((resolve) => {
        void serve((request, response) => {
          request.socket.once('close', () => {
            const { drain } = lifecycle.requestSignals(request);
            endEventStream(response, { signal: drain });
            resolve(drain);
          });
        }).then(async ({ open }) => {
          const socket = await open();
          socket.write(get('/events'));
          await until(() => lifecycle.status().inFlight === 1, 'it is in flight');
          socket.reset();
        });
      });
      await done;
      expect(getEventListeners(lifecycle.drainSignal, 'abort')).toEqual([]);
      expect(getEventListeners(await done, 'abort')).toEqual([]);
    });
  });

  it('ends streams of HTTP/2', async () => {
    const events = (stream: ServerHttp2Stream, _path: string, lifecycle: Lifecycle): void => {
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
      const timer = setInterval(() => stream.write('data: tick\n\n'), 5);
      stream.once('close', () => clearInterval(timer));
      endEventStream(stream, { retryMs: 900, signal: lifecycle.requestSignals(stream).drain });
    };
    await withHttp2({ onStream: events, options: OPTIONS }, async ({ lifecycle, port }) => {
      const body = await bodyOf(port, () => void lifecycle.terminate());
      expect(body).toMatch(/^(data: tick\n\n)+:\nretry: 900\n$/);
    });
  });

  it('ends responses of the compatibility layer of HTTP/2', async () => {
    const drain = new AbortController();
    const server = createServer((_request, response) => {
      response.writeHead(200, EVENT_STREAM);
      const timer = setInterval(() => response.write('data: tick\n\n'), 5);
      response.once('close', () => clearInterval(timer));
      endEventStream(response, { retryMs: 900, signal: drain.signal });
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    try {
      const body = await bodyOf((server.address() as AddressInfo).port, () => drain.abort());
      expect(body).toMatch(/^(data: tick\n\n)+:\nretry: 900\n$/);
    } finally {
      server.close();
    }
  });

  it.each<[string, unknown, unknown, string]>([
    ['no response', undefined, {}, 'a response of node:http'],
    ['an unknown option', 'response', { retry: 5 }, 'did you mean'],
    ['a delay in text', 'response', { retryMs: '5' }, 'whole number of milliseconds'],
    ['a delay of days', 'response', { retryMs: 1e9 }, 'whole number of milliseconds'],
    ['a range that goes backwards', 'response', { retryMs: [5, 1] }, 'ascending order'],
    ['no signal', 'response', { signal: 'SIGTERM' }, 'an AbortSignal'],
  ])('refuses %s', (_title, response, options, words) => {
    const given = response === 'response' ? { end: () => {} } : response;
    expect(() => endEventStream(given as never, options as never)).toThrow(
      expect.objectContaining({ name: 'LifecycleError', message: expect.stringContaining(words) }),
    );
  });
});

describe('a service with event streams as a process', () => {
  const script = fileURLToPath(new URL('./fixtures/sse-service.mjs', import.meta.url));

  it('ends all of them with a retry field, and is gone with code 0', async () => {
    await withPod({ script, options: OPTIONS }, async (pod) => {
      const streams = await Promise.all(Array.from({ length: 30 }, () => pod.open()));
      for (const stream of streams) stream.write(get('/', { Accept: 'text/event-stream' }));
      await until(() => streams.every((stream) => stream.unread().includes('data: ')), 'all of them have begun');
      const { report, timeline, detail } = await pod.terminate(true);
      const bodies = await Promise.all(streams.map(async (stream) => (await stream.readResponse()).body));
      for (const body of bodies) expect(body).toMatch(/^(data: \d+\n\n)+:\nretry: \d+\n$/);
      expect(new Set(bodies.map((body) => /retry: (\d+)/.exec(body)?.[1])).size).toBeGreaterThan(10);
      expect(timeline.exit, detail).toMatchObject({ code: EXIT_CODES.clean });
      expect(report).toMatchObject({ outcome: 'clean', requests: { answered: 30, cutCount: 0 } });
    });
  });
});

/** The body of a stream that `begun` brings to its end, once it has begun. */
async function bodyOf(port: number, begun: () => void): Promise<string> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/events' });
  let body = '';
  stream.setEncoding('utf8');
  stream.once('data', begun);
  stream.on('data', (text: string) => {
    body += text;
  });
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject);
    stream.once('close', () => resolve());
  });
  expect(stream.rstCode).toBe(0);
  session.close();
  return body;
}

/** What an `EventSource` makes of a stream (HTML, section 9.2.6); what is not completed by a blank line is no event. */
function interpret(body: string): { readonly events: readonly string[]; readonly retryMs: number | undefined } {
  const events: string[] = [];
  let data: string[] = [];
  let retryMs: number | undefined;
  for (const line of body.split('\n').slice(0, -1)) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (line === '' && data.length > 0) events.push(data.join('\n'));
    if (line === '') data = [];
    if (field === 'data') data.push(value);
    if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
  return { events, retryMs };
}
