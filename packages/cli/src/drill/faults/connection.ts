import { openRaw, type RawResponse, type RawSocket, TestkitError } from '@prestop/testkit';
import { type DrillRequest, titleOf } from '../requests/request-line.ts';
import type { FaultContext, FaultOutcome } from './fault.ts';

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 30_000;

export function connect({ pod, tls }: FaultContext): Promise<RawSocket> {
  return openRaw(pod.ports[0] ?? 0, { host: pod.host, ...(tls === undefined ? {} : { tls }) });
}

/** The bytes of a request; `more` are fields that the request itself does not have. */
export function bytesOf(request: DrillRequest, host: string, more: Readonly<Record<string, string>> = {}): string {
  return `${headOf(request, host, more)}${request.body ?? ''}`;
}

export function headOf(request: DrillRequest, host: string, more: Readonly<Record<string, string>> = {}): string {
  const length = request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) };
  const fields = { host, ...request.headers, ...length, ...more };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export function readAnswer(
  socket: RawSocket,
  request: DrillRequest,
  timeoutMs: number = ANSWER_MS,
): Promise<RawResponse> {
  return socket.readResponse({ head: request.method === 'HEAD', timeoutMs });
}

/** One request, answered to the end: the connection is a kept-alive one from here on. */
export async function connectAndAsk(context: FaultContext): Promise<RawSocket> {
  const { pod, request } = context;
  const socket = await connect(context);
  socket.write(bytesOf(request, pod.target));
  expectSuccess(request, await readAnswer(socket, request));
  return socket;
}

/** Runs one attempt and puts what goes wrong into words. */
export async function attempt({ elapsedMs }: FaultContext, what: () => Promise<string>): Promise<FaultOutcome> {
  const atMs = elapsedMs();
  try {
    return { atMs, ok: true, detail: await what() };
  } catch (error) {
    return { atMs, ok: false, detail: reasonOf(error) };
  }
}

/** @throws Error unless it is a 2xx. */
export function expectSuccess(request: DrillRequest, { status }: RawResponse): string {
  if (status < 200 || status > 299) throw new Error(`${titleOf(request)} answered ${status}`);
  return `answered ${status}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof TestkitError && error.code === 'ERR_TESTKIT_RAW_CLOSED')
    return 'the connection was closed without an answer';
  if (error instanceof TestkitError && error.code === 'ERR_TESTKIT_TIMEOUT') return 'no answer';
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : code;
}
