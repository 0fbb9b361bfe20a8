import { type Agent, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createGunzip } from 'node:zlib';

export interface GetTarget {
  /** Over TLS; the certificate is not verified, as the kubelet does not. */
  readonly secure?: boolean;
  readonly host: string;
  readonly port: number;
  /** Sent as it is, `//prestop` included. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GetOptions {
  /** Default: a connection of its own. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  /** Told as soon as the head is there. */
  readonly onHead?: (status: number) => void;
}

export interface GetAnswer {
  readonly status: number;
  /** Value of `Location`, if there is one. */
  readonly location: string | undefined;
  /** At most {@link BODY_LIMIT} bytes, decompressed. */
  readonly body: string;
}

/** Bytes of a body that the kubelet reads (`maxRespBodyLength`). */
export const BODY_LIMIT: number = 10 * 1024;

/**
 * One GET in the kubelet's manner: waits for the end of the body, or for its first 10 KiB, and does not begin to read one
 * that is announced to be longer (kubelet, `discardHTTPRespBody`). A body cut short is no failure.
 *
 * @throws the socket's error when there was no complete head.
 */
export function httpGet(target: GetTarget, options: GetOptions = {}): Promise<GetAnswer> {
  const { secure = false, headers, ...where } = target;
  const settings: RequestOptions & { rejectUnauthorized?: boolean } = {
    ...where,
    method: 'GET',
    headers,
    agent: options.agent ?? false,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(secure ? { rejectUnauthorized: false } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = secure ? secureRequest(settings) : plainRequest(settings);
    // Go sends no Connection header for a connection it means to keep; Node would say keep-alive.
    if (options.agent !== undefined) request.removeHeader('Connection');
    request.once('error', reject);
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      options.onHead?.(status);
      void readBody(response).then((body) => resolve({ status, location: response.headers.location, body }));
    });
    request.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const zipped = response.headers['content-encoding'] === 'gzip';
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > BODY_LIMIT && !zipped) {
    response.destroy();
    return '';
  }
  const stream = zipped ? response.on('error', () => undefined).pipe(createGunzip()) : response;
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const done = () => resolve(Buffer.concat(chunks).subarray(0, BODY_LIMIT).toString());
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= BODY_LIMIT) {
        done();
        response.destroy();
      }
    });
    stream.on('end', done).on('error', done).on('close', done);
    // A gunzip is not told when its source is cut.
    response.on('close', () => {
      if (!response.complete) done();
    });
  });
}
