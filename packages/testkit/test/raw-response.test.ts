import { describe, expect, it } from 'vitest';
import { parseResponse } from '../src/raw-response.ts';

const parse = (text: string, ended = false, head = false) => parseResponse(Buffer.from(text), ended, head);

describe('parseResponse', () => {
  it('reads a body by its length and leaves what follows', () => {
    const first = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a:2 \r\n\r\nok';
    expect(parse(`${first}HTTP/1.1 200`)).toEqual({
      response: { status: 200, reason: 'OK', headers: { 'content-length': '2', 'x-a': '1, 2' }, body: 'ok' },
      length: first.length,
    });
  });

  it('reads chunks with extensions and trailers', () => {
    const text =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';
    expect(parse(`${text}rest`)).toMatchObject({ response: { body: 'abc0123456789' }, length: text.length });
  });

  it.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
  ])('is incomplete at every shorter length of %j', (text) => {
    for (let length = 0; length < text.length; length++) {
      expect(parse(text.slice(0, length), true)).toBeUndefined();
    }
    expect(parse(text)?.length).toBe(text.length);
  });

  it('takes the end of the connection for the end of a body without length', () => {
    expect(parse('HTTP/1.1 200 OK\r\n\r\nall', false)).toBeUndefined();
    expect(parse('HTTP/1.1 200 OK\r\n\r\nall', true)?.response.body).toBe('all');
  });

  it.each([100, 103, 204, 304])('expects no body with status %i', (status) => {
    expect(parse(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`)?.response.body).toBe('');
  });

  it('expects no body in the answer to HEAD', () => {
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', false, true)?.response.status).toBe(200);
  });

  it.each([
    'HTTP/1.0 200 OK\r\n\r\n',
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nSpaced : x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n',
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_TESTKIT_RAW_INVALID' }));
  });
});
