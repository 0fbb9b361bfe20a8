import { IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { sayClose } from '../src/say-close.ts';
import { settle } from './support/fake-clock.ts';

/** A response of Node's own, whose octets go to a string in place of a socket. */
function response({ mayTell = true, method = 'GET' } = {}) {
  let octets = '';
  const request = new IncomingMessage(new Socket());
  request.method = method;
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      octets += chunk.toString('latin1');
      done();
    },
  });
  const made = new ServerResponse(request);
  made.assignSocket(sink as Socket);
  let told = 0;
  sayClose(
    made,
    () => mayTell,
    () => (told += 1),
  );
  const head = async (): Promise<string[]> => {
    await settle();
    return octets.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
  };
  /** Values of one field, in the order in which they left. */
  const fields = async (name: string): Promise<string[]> =>
    (await head())
      .slice(1)
      .map(
        (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const,
      )
      .filter(([field]) => field === name)
      .map(([, value]) => value);
  return { made, head, fields, told: () => told };
}

describe('a response says close', () => {
  const ways: readonly [string, (made: ServerResponse) => unknown][] = [
    ['an implicit head', (made) => made.end('ok')],
    ['an implicit head by write', (made) => made.write('ok')],
    ['writeHead with a status', (made) => made.writeHead(200).end()],
    ['writeHead with a reason', (made) => made.writeHead(200, 'Fine').end()],
    ['writeHead with an object', (made) => made.writeHead(200, { 'X-Order': '1' }).end()],
    ['writeHead with a reason and an object', (made) => made.writeHead(200, 'Fine', { 'X-Order': '1' }).end()],
    ['writeHead with a flat list', (made) => made.writeHead(200, ['X-Order', '1']).end()],
    ['flushHeaders', (made) => made.flushHeaders()],
    ['a header that says keep-alive', (made) => made.setHeader('Connection', 'keep-alive').end()],
    ['an object that says keep-alive', (made) => made.writeHead(200, { connection: 'Keep-Alive' }).end()],
    ['a list that says keep-alive', (made) => made.writeHead(200, ['CONNECTION', 'keep-alive']).end()],
    ['one that says close by itself', (made) => made.writeHead(200, { Connection: 'close' }).end()],
    ['an error', (made) => made.writeHead(500).end()],
    ['not modified', (made) => made.writeHead(304).end()],
  ];

  test.each(ways)('%s', async (_, answer) => {
    const { made, fields, told } = response();
    answer(made);
    expect(await fields('connection')).toEqual(['close']);
    expect(told()).toBe(1);
  });

  test('and tells nobody to keep it alive', async () => {
    const { made, fields } = response();
    made.end('ok');
    expect(await fields('keep-alive')).toEqual([]);
  });

  const shapes: readonly [string, OutgoingHttpHeaders | OutgoingHttpHeader[]][] = [
    ['an object', { 'X-Order': '7', Connection: 'keep-alive', 'Set-Cookie': ['a=1', 'b=2'] }],
    ['a flat list', ['X-Order', '7', 'Connection', 'keep-alive', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']],
    ['a flat list with a list in it', ['X-Order', '7', 'Set-Cookie', ['a=1', 'b=2']] as OutgoingHttpHeader[]],
    [
      'a list of pairs',
      [
        ['X-Order', '7'],
        ['Connection', 'keep-alive'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ] as unknown as OutgoingHttpHeader[],
    ],
  ];

  test.each(shapes)('and keeps what else the handler wrote: %s', async (_, shape) => {
    const { made, fields, head } = response();
    made.writeHead(201, 'Made', shape).end();
    expect((await head())[0]).toBe('HTTP/1.1 201 Made');
    expect(await fields('x-order')).toEqual(['7']);
    expect(await fields('set-cookie')).toEqual(['a=1', 'b=2']);
    expect(await fields('connection')).toEqual(['close']);
  });

  test.each([shapes[0], shapes[1]] as typeof shapes)(
    'and what was set before, as Node merges it: %s',
    async (_, shape) => {
      const [telling, plain] = [response(), response({ mayTell: false })];
      for (const { made } of [telling, plain]) {
        made.setHeader('X-Early', 'kept');
        made.setHeader('X-Order', 'replaced');
        made.setHeader('Connection', 'keep-alive');
        made.writeHead(200, shape).end();
      }
      for (const name of ['x-early', 'x-order', 'set-cookie']) {
        expect(await telling.fields(name)).toEqual(await plain.fields(name));
      }
      expect(await telling.fields('connection')).toEqual(['close']);
    },
  );

  test('and keeps other connection options, such as the Upgrade of a 426', async () => {
    const { made, fields } = response();
    made.setHeader('Upgrade', 'h2c');
    made.writeHead(426, { Connection: 'Upgrade, keep-alive' }).end();
    expect(await fields('connection')).toEqual(['Upgrade, close']);
  });

  test('does not change what the handler passed in', async () => {
    const { made } = response();
    const given = Object.freeze({ 'X-Order': '1', Connection: 'keep-alive' });
    made.writeHead(200, given).end();
    expect(given).toEqual({ 'X-Order': '1', Connection: 'keep-alive' });
  });
});

describe('a response says nothing of it', () => {
  test('when it may not be told now', async () => {
    const { made, fields, told } = response({ mayTell: false });
    made.writeHead(200, { 'X-Order': '1' }).end();
    expect([await fields('connection'), told()]).toEqual([['keep-alive'], 0]);
  });

  test('when its head has left before', async () => {
    const { made, told } = response();
    made.write('first part');
    expect(told()).toBe(1);
    sayClose(
      made,
      () => true,
      () => expect.unreachable(),
    );
    made.end();
  });

  test('when it is a second head, which Node refuses as ever', async () => {
    const { made, told } = response();
    made.writeHead(200);
    expect(() => made.writeHead(200)).toThrowError(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }));
    expect(told()).toBe(1);
  });

  test('when it is informational: early hints are no answer', async () => {
    const { made, head, told } = response();
    made.writeEarlyHints({ link: '</a.css>; rel=preload' });
    expect((await head())[0]).toContain('103');
    expect(told()).toBe(0);
    made.end();
    expect(told()).toBe(1);
  });
});
