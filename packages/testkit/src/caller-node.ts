import { Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import {
  type CallerRequest,
  type CallerTls,
  type Outcome,
  type TargetClient,
  TIMED_OUT,
  tlsSettings,
} from './caller-client.ts';
import { causeOf } from './errors.ts';

/** node:http as a caller: kept alive in an Agent of its own, or a connection for each request. */
export function nodeClient(target: URL, connection: 'kept-alive' | 'new', tls: CallerTls | undefined): TargetClient {
  const send = target.protocol === 'https:' ? secureRequest : plainRequest;
  // One socket: a request must wait for the one before it to be back in the pool, not open another beside it.
  const settings = { keepAlive: connection === 'kept-alive', maxSockets: 1, ...tlsSettings(tls) };
  const agent = target.protocol === 'https:' ? new SecureAgent(settings) : new Agent(settings);
  const where = { host: target.hostname.replace(/^\[|\]$/g, ''), port: target.port };
  const requests = new WeakMap<Socket, number>();

  return {
    send(call: CallerRequest, timeoutMs: number): Promise<Outcome> {
      return new Promise((resolve) => {
        let requestOnConnection = 0;
        const { path, method = 'GET', headers, body } = call;
        let request: ClientRequest;
        try {
          request = send({ ...where, agent, path, method, ...(headers === undefined ? {} : { headers }) });
        } catch (failure) {
          // A path or a field that cannot be sent.
          resolve({ cause: causeOf(failure), requestOnConnection });
          return;
        }
        const timer = setTimeout(() => settle({ cause: TIMED_OUT }), timeoutMs);
        const settle = (end: Omit<Outcome, 'requestOnConnection'>) => {
          clearTimeout(timer);
          resolve({ ...end, requestOnConnection });
          if (end.cause !== undefined) request.destroy();
        };
        request.once('socket', (socket) => {
          const count = () => {
            requestOnConnection = (requests.get(socket) ?? 0) + 1;
            requests.set(socket, requestOnConnection);
          };
          if (socket.connecting) socket.once('connect', count);
          else count();
        });
        // Stays on: a request that is over may still fail with its socket.
        request.on('error', (failure) => settle({ cause: causeOf(failure) }));
        request.once('response', (response) => readAnswer(response, call.validate !== undefined, settle));
        request.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

function readAnswer(
  response: IncomingMessage,
  keepBody: boolean,
  settle: (end: Omit<Outcome, 'requestOnConnection'>) => void,
): void {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  if (keepBody) response.on('data', (chunk: Buffer) => chunks.push(chunk));
  else response.resume();
  response.once('end', () => settle({ status, ...(keepBody ? { body: Buffer.concat(chunks).toString() } : {}) }));
  response.on('error', (failure) => settle({ status, cause: causeOf(failure) }));
  response.once('close', () => {
    if (!response.complete) settle({ status, cause: 'ECONNRESET' });
  });
}
