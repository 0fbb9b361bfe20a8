import { describe, expect, it } from 'vitest';
import { splitCommand } from '../../src/drill/command-line.ts';
import { parseDuration, showDuration } from '../../src/drill/duration.ts';
import { lagsOf, parseLag, showLag } from '../../src/drill/lag.ts';
import { parseRequestLine, requestKind, titleOf } from '../../src/drill/requests/request-line.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2000],
    ['1.5m', 90_000],
    ['30', 30_000],
    [' 0 ', 0],
  ])('reads %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '2h', '-1s', 'soon', '1e3', '2 s s'])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [0, '0 ms'],
    [340.4, '340 ms'],
    [999.6, '1 s'],
    [2140, '2.1 s'],
    [59_940, '59.9 s'],
    [75_400, '75 s'],
    [-250, '-250 ms'],
  ])('shows %d ms', (ms, text) => {
    expect(showDuration(ms)).toBe(text);
  });
});

describe('lags', () => {
  it.each([
    ['2s', { shape: 'uniform', fromMs: 0, toMs: 2000 }],
    ['fixed:300ms', { shape: 'fixed', ms: 300 }],
    ['uniform:1s-5s', { shape: 'uniform', fromMs: 1000, toMs: 5000 }],
    ['exponential:1s/10s', { shape: 'exponential', meanMs: 1000, capMs: 10_000 }],
  ])('reads %j', (text, lag) => {
    expect(parseLag(text)).toEqual(lag);
  });

  it.each(['', 'often:2s', 'uniform:5s-1s', 'exponential:1s', 'exponential:10s/1s', 'exponential:0/1s', 'fixed:'])(
    'refuses %j',
    (text) => {
      expect(parseLag(text)).toBeUndefined();
    },
  );

  const sorted = (text: string, count: number) => {
    const lag = parseLag(text);
    if (lag === undefined) throw new Error(text);
    return lagsOf(lag, count, 1).toSorted((left, right) => left - right);
  };

  it('gives one caller the whole of an even distribution', () => {
    expect(sorted('2s', 4)).toEqual([500, 1000, 1500, 2000]);
    expect(sorted('uniform:1s-2s', 2)).toEqual([1500, 2000]);
    expect(sorted('fixed:1s', 3)).toEqual([1000, 1000, 1000]);
  });

  it('keeps the mean of an exponential one and its cap', () => {
    const lags = sorted('exponential:1s/4s', 1000);
    const mean = lags.reduce((sum, lag) => sum + lag, 0) / lags.length;
    expect(mean).toBeGreaterThan(950);
    expect(mean).toBeLessThan(1000);
    expect(lags.at(-1)).toBe(4000);
    expect(lags[500]).toBeGreaterThan(650);
    expect(lags[500]).toBeLessThan(750);
  });

  it('deals them out by the seed', () => {
    const lag = { shape: 'uniform', fromMs: 0, toMs: 1000 } as const;
    expect(lagsOf(lag, 20, 3)).toEqual(lagsOf(lag, 20, 3));
    expect(lagsOf(lag, 20, 3)).not.toEqual(lagsOf(lag, 20, 4));
  });

  it('says what it is', () => {
    const words = ['0', '2s', 'fixed:0', 'fixed:2s', 'uniform:1s-2s', 'exponential:1s/8s'].map((text) => {
      const lag = parseLag(text);
      return lag && showLag(lag);
    });
    expect(words).toEqual([
      'up to 0 ms late',
      'up to 2 s late',
      'at once',
      '2 s late',
      '1 s to 2 s late',
      '1 s late on average, at most 8 s',
    ]);
  });
});

describe('requests', () => {
  it.each([
    ['/slow', { method: 'GET', path: '/slow', weight: 1 }],
    ['GET /a?b=c,d', { method: 'GET', path: '/a?b=c,d', weight: 1 }],
    ['3x get /', { method: 'GET', path: '/', weight: 3 }],
    ['POST /orders {"a": [1, 2]}', { method: 'POST', path: '/orders', body: '{"a": [1, 2]}' }],
    ['2x PUT /x plain text', { method: 'PUT', path: '/x', body: 'plain text', weight: 2, headers: {} }],
  ])('reads %j', (line, request) => {
    expect(parseRequestLine(line)).toMatchObject({ ...request, origin: 'asked' });
  });

  const read = (line: string) => {
    const request = parseRequestLine(line);
    if (request === undefined) throw new Error(line);
    return request;
  };

  it('says that a body is JSON where it looks like it', () => {
    expect(parseRequestLine('GET /łódź?q=%C5%82')?.path).toBe('/%C5%82%C3%B3d%C5%BA?q=%C5%82');
    const sent = (line: string) => requestKind(read(line), {}).headers;
    expect(sent('POST / {}')).toEqual({ 'content-type': 'application/json' });
    expect(sent('POST / text')).toEqual({});
  });

  it.each([
    ['GET /a?page=2&token=eyJhbGci.eyJzdWIi', 'GET /a?page=…&token=…'],
    ['GET /a?eyJhbGci', 'GET /a?…'],
    ['GET /a?=x&b', 'GET /a?…&…'],
    ['GET /a?next=/b?c=d', 'GET /a?next=…'],
    ['GET /a?', 'GET /a?…'],
    ['GET /a', 'GET /a'],
  ])('shows %j without what may be secret', (line, title) => {
    expect(titleOf(read(line))).toBe(title);
  });

  it.each(['', 'slow', 'FETCH /', '0x GET /', 'GET http://other/'])('refuses %j', (line) => {
    expect(parseRequestLine(line)).toBeUndefined();
  });

  it('puts its own headers over those of all', () => {
    const recorded = { ...read('POST / {}'), headers: { 'content-type': 'application/vnd.orders+json' } };
    expect(requestKind(recorded, { 'content-type': 'text/plain', 'x-a': '1' })).toEqual({
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/vnd.orders+json', 'x-a': '1' },
      body: '{}',
      weight: 1,
    });
  });

  it('puts the headers of all over what a body looks like', () => {
    const { headers } = requestKind(read('POST / {}'), { 'content-type': 'application/merge-patch+json' });
    expect(headers).toEqual({ 'content-type': 'application/merge-patch+json' });
  });
});

describe('commands', () => {
  it.each([
    ['node server.js', ['node', 'server.js']],
    [`node -e "console.log('a b')"`, ['node', '-e', "console.log('a b')"]],
    [String.raw`echo "a\"b" 'c\d' e\ f`, ['echo', 'a"b', String.raw`c\d`, 'e f']],
    [`a "" b`, ['a', '', 'b']],
  ])('splits %j', (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });

  it.each(['', '   ', 'node "server.js', "it's"])('refuses %j', (text) => {
    expect(splitCommand(text)).toBeUndefined();
  });
});
