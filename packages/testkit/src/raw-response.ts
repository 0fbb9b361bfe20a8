import { TestkitError } from './errors.ts';

/** One HTTP/1.1 response, interim ones (1xx) included. */
export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; repeated fields joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a chunked body, what was in the chunks. */
  readonly body: string;
}

export interface Parsed {
  readonly response: RawResponse;
  /** Bytes that the response took. */
  readonly length: number;
}

const HEAD_END = '\r\n\r\n';

/**
 * Parses the response at the beginning of `bytes` (RFC 9112, sections 4, 6 and 7). Strict where a lenient client would hide a
 * server's mistake; it knows chunked, Content-Length and, at the end of the connection, close-delimited bodies.
 *
 * @param ended Whether the peer has said all it has to say.
 * @param bodiless The answer to a HEAD request.
 * @returns `undefined` while the response is incomplete.
 * @throws TestkitError `ERR_TESTKIT_RAW_INVALID`
 */
export function parseResponse(bytes: Buffer, ended: boolean, bodiless = false): Parsed | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...fields] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3})(?: (.*))?$/.exec(statusLine);
  if (match === null) throw invalid(`status line ${JSON.stringify(statusLine)}`);
  const status = Number(match[1]);
  const headers = parseFields(fields);
  const bodyStart = headEnd + HEAD_END.length;
  const body = parseBody(bytes.subarray(bodyStart), headers, ended, bodiless || isBodiless(status));
  if (body === undefined) return undefined;
  const response = { status, reason: match[2] ?? '', headers, body: body.content.toString() };
  return { response, length: bodyStart + body.length };
}

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

function parseFields(lines: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw invalid(`header ${JSON.stringify(line)}`);
    const name = (match[1] ?? '').toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? (match[2] ?? '') : `${before}, ${match[2]}`);
  }
  return Object.fromEntries(headers);
}

interface Body {
  readonly content: Buffer;
  readonly length: number;
}

function parseBody(
  bytes: Buffer,
  headers: Readonly<Record<string, string>>,
  ended: boolean,
  bodiless: boolean,
): Body | undefined {
  if (bodiless) return { content: Buffer.alloc(0), length: 0 };
  const coding = headers['transfer-encoding'];
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw invalid(`transfer-encoding ${coding}`);
    return parseChunks(bytes);
  }
  const announced = headers['content-length'];
  if (announced !== undefined) {
    if (!/^\d+$/.test(announced)) throw invalid(`content-length ${announced}`);
    const length = Number(announced);
    return bytes.length < length ? undefined : { content: bytes.subarray(0, length), length };
  }
  return ended ? { content: bytes, length: bytes.length } : undefined;
}

function parseChunks(bytes: Buffer): Body | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const sizeEnd = bytes.indexOf('\r\n', at);
    if (sizeEnd === -1) return undefined;
    const line = bytes.toString('latin1', at, sizeEnd);
    const match = /^([0-9a-fA-F]+)[ \t]*(?:;.*)?$/.exec(line);
    if (match === null) throw invalid(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(match[1] ?? '', 16);
    const start = sizeEnd + 2;
    if (size === 0) {
      const length = trailerEnd(bytes, start);
      return length === undefined ? undefined : { content: Buffer.concat(chunks), length };
    }
    const end = start + size;
    if (bytes.length < end + 2) return undefined;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw invalid('a chunk longer than its size');
    chunks.push(bytes.subarray(start, end));
    at = end + 2;
  }
}

/** Where the trailer section ends that begins at `start`: an empty line. */
function trailerEnd(bytes: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    if (lineEnd === at) return lineEnd + 2;
    at = lineEnd + 2;
  }
}

function invalid(what: string): TestkitError {
  return new TestkitError('ERR_TESTKIT_RAW_INVALID', `not an HTTP/1.1 response: ${what}`);
}
