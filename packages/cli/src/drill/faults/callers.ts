import type { RawSocket } from '@prestop/testkit';
import { showDuration } from '../duration.ts';
import { attempt, bytesOf, connect, connectAndAsk, expectSuccess, headOf, readAnswer } from './connection.ts';
import type { Fault, FaultContext, FaultOutcome, PreparedFault } from './fault.ts';

/** Pause between the two halves of something, in milliseconds. */
const HALF_PAUSE_MS = 300;
const UPLOAD_PAUSE_MS = 600;
/** What is answered to the end sooner is no stream, in milliseconds. */
const STREAM_LASTS_MS = 300;

/**
 * A connection for each time, opened before, on which something happens then. Where the server has ended it by then, its
 * caller has seen that and opens another one, as a pool does.
 */
async function onConnections(
  context: FaultContext,
  open: () => Promise<RawSocket>,
  then: (socket: RawSocket, atMs: number) => Promise<string>,
  aheadMs = 0,
): Promise<PreparedFault> {
  const sockets = await Promise.all(context.timesMs.map(open));
  const act = async (atMs: number, index: number): Promise<FaultOutcome> => {
    await context.until(Math.max(0, atMs - aheadMs));
    return attempt(context, async () => {
      const kept = sockets[index];
      const socket = kept === undefined || kept.closed ? await connect(context) : kept;
      sockets[index] = socket;
      return then(socket, atMs);
    });
  };
  return {
    act: () => Promise.all(context.timesMs.map(act)),
    end: () => {
      for (const socket of sockets) if (!socket.closed) socket.reset();
    },
  };
}

export const silentConnection: Fault = {
  name: 'silent-connection',
  summary: 'connected before, and the first request comes only then: browsers, proxies and pools connect ahead',
  request: 'any',
  prepare: (context) =>
    onConnections(
      context,
      () => connect(context),
      async (socket) => {
        socket.write(bytesOf(context.request, context.pod.target));
        return expectSuccess(context.request, await readAnswer(socket, context.request));
      },
    ),
};

export const halfHead: Fault = {
  name: 'half-head',
  summary: 'the second half of a request head comes later than the first',
  request: 'any',
  async prepare(context) {
    const bytes = bytesOf(context.request, context.pod.target);
    const half = Math.floor(headOf(context.request, context.pod.target).length / 2);
    return onConnections(
      context,
      () => connect(context),
      async (socket, atMs) => {
        socket.write(bytes.slice(0, half));
        await context.until(atMs);
        socket.write(bytes.slice(half));
        return expectSuccess(context.request, await readAnswer(socket, context.request));
      },
      HALF_PAUSE_MS,
    );
  },
};

const PIPELINED = 3;

export const pipelined: Fault = {
  name: 'pipelined',
  summary: 'three requests in one packet on a kept-alive connection; each wants its answer',
  request: 'any',
  prepare: (context) =>
    onConnections(
      context,
      () => connectAndAsk(context),
      async (socket) => {
        const { request, pod } = context;
        socket.write(bytesOf(request, pod.target).repeat(PIPELINED));
        for (let answered = 0; answered < PIPELINED; answered++) {
          try {
            expectSuccess(request, await readAnswer(socket, request));
          } catch (cause) {
            throw new Error(`${answered} of ${PIPELINED} answered`, { cause });
          }
        }
        return `${PIPELINED} of ${PIPELINED} answered`;
      },
    ),
};

export const slowUpload: Fault = {
  name: 'slow-upload',
  summary: 'the second half of a body comes later than the first',
  request: 'with-body',
  prepare: (context) =>
    onConnections(
      context,
      () => connectAndAsk(context),
      async (socket) => {
        const { request, pod, until, elapsedMs } = context;
        const { body = '' } = request;
        const half = Math.floor(body.length / 2);
        socket.write(`${headOf(request, pod.target)}${body.slice(0, half)}`);
        await until(elapsedMs() + UPLOAD_PAUSE_MS);
        socket.write(body.slice(half));
        return expectSuccess(request, await readAnswer(socket, request));
      },
    ),
};

export const expectContinue: Fault = {
  name: 'expect-continue',
  summary: 'an upload that waits for 100 Continue before it sends its body',
  request: 'with-body',
  prepare: (context) =>
    onConnections(
      context,
      () => connectAndAsk(context),
      async (socket) => {
        const { request, pod, until, elapsedMs } = context;
        socket.write(headOf(request, pod.target, { expect: '100-continue' }));
        const interim = await readAnswer(socket, request);
        if (interim.status !== 100) return expectSuccess(request, interim);
        await until(elapsedMs() + HALF_PAUSE_MS);
        socket.write(request.body ?? '');
        return expectSuccess(request, await readAnswer(socket, request));
      },
    ),
};

export const openStream: Fault = {
  name: 'open-stream',
  summary: 'a stream without an end, open before: it has to be ended in order and not cut',
  request: 'stream',
  async prepare(context) {
    const { request, pod, lifeMs } = context;
    const socket = await connect(context);
    socket.write(bytesOf(request, pod.target));
    const answer = readAnswer(socket, request, lifeMs + 60_000);
    let ended = false;
    const over = () => {
      ended = true;
    };
    // It may fail long before anybody asks for it.
    const settled = answer.then(over, over);
    await Promise.race([settled, context.pause(STREAM_LASTS_MS)]);
    return {
      act: async () => {
        if (ended) {
          const outcome = await attempt(context, async () => expectSuccess(request, await answer));
          return [
            {
              ...outcome,
              ok: false,
              detail: `${outcome.detail} before the deletion: it has to be a stream that lasts`,
            },
          ];
        }
        const outcome = await attempt(context, async () => expectSuccess(request, await answer));
        const end = showDuration(context.elapsedMs());
        return [{ ...outcome, detail: outcome.ok ? `ended in order after ${end}` : `cut after ${end}` }];
      },
      end: () => {
        if (!socket.closed) socket.reset();
      },
    };
  },
};

export const deafCaller: Fault = {
  name: 'deaf-caller',
  summary: 'a caller whose machine is gone: it answers no FIN, and the exit must not wait for it',
  request: 'any',
  async prepare(context) {
    const sockets = await Promise.all(context.timesMs.map(() => connectAndAsk(context)));
    for (const socket of sockets) socket.ignore();
    return {
      // Nothing to see here: the time to exit tells.
      act: async () => [],
      end: () => {
        for (const socket of sockets) socket.reset();
      },
    };
  },
};

export const abortingCaller: Fault = {
  name: 'aborting-caller',
  summary: 'callers that break their connection in the middle of a request',
  request: 'any',
  async prepare(context) {
    const act = async (atMs: number): Promise<void> => {
      await context.until(atMs);
      try {
        const socket = await connect(context);
        socket.write(bytesOf(context.request, context.pod.target));
        await context.until(context.elapsedMs() + 2);
        socket.reset();
      } catch {
        // Refused: nothing to break.
      }
    };
    return {
      act: async () => {
        await Promise.all(context.timesMs.map(act));
        return [];
      },
      end: () => undefined,
    };
  },
};
