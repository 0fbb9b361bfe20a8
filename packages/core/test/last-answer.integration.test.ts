import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { certificate, repeatedly, withPod } from './fixtures/pod.ts';
import { at } from './fixtures/until.ts';

const REPEATS = 5;
/**
 * From the last octet of the answer, as its caller reads it, to the end of the process, in the fastest of some runs. It
 * takes 40 to 80 ms; the rest is for a machine with other things to do. Fake time holds it to 100 ms: last-answer.test.ts.
 */
const AT_ONCE_MS = 400;

const SLOW = '/slow?ms=2500';
/** Its head leaves with the first chunk, so its answer cannot say close any more. */
const STREAMED = '/chunked?chunks=5&ms=500';
const STREAMED_BODY = 'chunk 1\nchunk 2\nchunk 3\nchunk 4\nchunk 5\nlast\n';

interface Run {
  /** Requests on the connection before, one after another. */
  readonly earlier: number;
  readonly target: string;
  readonly body: string;
  /** When the connection is used once more, in milliseconds after the answer. */
  readonly againAfterMs?: number;
  readonly tls?: typeof certificate;
}

/** One request in flight on a kept-alive connection, quiet callers otherwise. @returns milliseconds to the exit. */
async function msToExit({ earlier, target, body, againAfterMs, tls }: Run, hook: boolean): Promise<number> {
  return withPod({ fake: { settleMs: 0 }, ...(tls && { tls }) }, async (pod) => {
    const socket = await pod.open();
    for (let number = 0; number < earlier; number++) {
      socket.write(get('/fast'));
      await socket.readResponse();
    }
    socket.write(get(target));
    await pod.entered(`GET ${target}`);
    const { ended } = await pod.beginTermination(hook);
    const answer = await socket.readResponse();
    let answeredAtMs = performance.now();
    expect(answer.body).toBe(body);
    if (againAfterMs !== undefined) {
      await at(answeredAtMs + againAfterMs);
      socket.write(get('/fast?id=again'));
      expect(await socket.readResponse()).toMatchObject({ body: 'fast again', headers: { connection: 'close' } });
      answeredAtMs = performance.now();
    }
    const { timeline, report, detail } = await ended;
    expect(timeline.exit, detail).toEqual({ code: 0, signal: null });
    expect(report, detail).toMatchObject({ outcome: 'clean', requests: { cutCount: 0 } });
    return timeline.deletedAtMs + timeline.totalMs - answeredAtMs;
  });
}

async function fastest(run: Run): Promise<number> {
  const times: number[] = [];
  await repeatedly(REPEATS, async (number) => void times.push(await msToExit(run, number % 2 === 0)));
  return Math.min(...times);
}

describe.each([
  { scheme: 'http', tls: undefined },
  { scheme: 'https', tls: certificate },
])('a request that ends in the drain on a kept-alive connection, over $scheme', ({ tls }) => {
  const run = { earlier: 3, ...(tls && { tls }) };
  const streamed = { ...run, target: STREAMED, body: STREAMED_BODY };

  it('is followed by the exit at once', async () => {
    expect(await fastest({ ...run, target: SLOW, body: 'slow ' })).toBeLessThanOrEqual(AT_ONCE_MS);
  });

  it('is followed by the exit at once also when its head left before t0', async () => {
    expect(await fastest(streamed)).toBeLessThanOrEqual(AT_ONCE_MS);
  });

  // Why it is not always that soon: a round trip to another continent, after an answer that could not say close.
  it('leaves a caller that it does not know the time to send another request, which is answered', async () => {
    await msToExit({ ...streamed, earlier: 0, againAfterMs: 300 }, false);
  });
});
