import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ExchangeMessage, type JournalReader, RequestJournal } from '../src/request-journal.ts';
import { FakeClock } from './support/fake-clock.ts';

const SERVER = {};

/** A request of its own on `socket`, as Node tells of it: with a new object for every time. */
class Request {
  readonly #name: string;
  readonly #message: ExchangeMessage;

  constructor(name: string, { socket = {} as Socket, server = SERVER }: { socket?: Socket; server?: object } = {}) {
    this.#name = name;
    this.#message = { request: { url: name } as IncomingMessage, response: {} as ServerResponse, socket, server };
  }

  comes(): this {
    const line = { method: 'GET', target: this.#name, fields: [] };
    journal.started({ ...this.#message }, line, clock.now());
    return this;
  }

  isAnswered(): this {
    journal.finished({ ...this.#message }, clock.now());
    return this;
  }
}

let clock: FakeClock;
let journal: RequestJournal;
let entered: string[];

const reader = (name = ''): JournalReader => ({
  requestStarted: (_message, { target }, at) => void entered.push(`${name}${target} at ${at}`),
  responseFinished: ({ request }, at) => void entered.push(`${name}${request.url} answered at ${at}`),
  exchanged: (_message, { target }, at, answeredAt) => void entered.push(`${name}${target} at ${at} to ${answeredAt}`),
});

beforeEach(() => {
  clock = new FakeClock(0);
  journal = new RequestJournal(clock);
  journal.follow(SERVER, reader());
  entered = [];
});

function comeAndAreAnswered(count: number): void {
  for (let index = 0; index < count; index++) new Request(`${index}`).comes().isAnswered();
}

describe('what is written waits', () => {
  test('until there are 16 requests and answers, and is gone into in the order of writing', () => {
    comeAndAreAnswered(7);
    const last = new Request('last').comes();
    expect(entered).toEqual([]);
    last.isAnswered();
    expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6, 'last'].map((name) => `${name} at 0 to 0`));
    comeAndAreAnswered(1);
    expect(entered).toHaveLength(8);
  });

  test('until somebody asks, and is gone into once', async () => {
    const first = new Request('a').comes();
    await clock.advance(10);
    first.isAnswered();
    journal.catchUp();
    journal.catchUp();
    expect(entered).toEqual(['a at 0 to 10']);
    new Request('b').comes();
    journal.catchUp();
    expect(entered).toEqual(['a at 0 to 10', 'b at 10']);
  });

  test('for 100 ms at the most, for which no process stays up', async () => {
    new Request('a').comes();
    await clock.advance(90);
    new Request('b').comes();
    expect([entered, clock.pending, clock.background]).toEqual([[], 0, 1]);
    await clock.advance(10);
    expect([entered, clock.background]).toEqual([['a at 0', 'b at 90'], 0]);
  });

  test('and whoever writes much sets one timer in that time', async () => {
    for (let round = 0; round < 3; round++) {
      comeAndAreAnswered(100);
      expect(clock.background).toBe(1);
      await clock.advance(100);
      expect([entered.length, clock.background]).toEqual([100 * (round + 1), 0]);
    }
  });
});

describe('a request is gone into together with its answer', () => {
  test('though those of other connections came in between', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => new Request(name).comes()) as [Request, Request, Request];
    await clock.advance(5);
    c.isAnswered();
    a.isAnswered();
    journal.catchUp();
    expect(entered).toEqual(['a at 0 to 5', 'b at 0', 'c at 0 to 5']);
    b.isAnswered();
    journal.catchUp();
    expect(entered.at(-1)).toBe('b answered at 5');
  });

  test('unless another one came behind it on its connection', () => {
    const socket = {} as Socket;
    const [first, second] = [new Request('first', { socket }).comes(), new Request('second', { socket }).comes()];
    first.isAnswered();
    second.isAnswered();
    journal.catchUp();
    expect(entered).toEqual(['first at 0', 'second at 0', 'first answered at 0', 'second answered at 0']);
  });

  test('and those that come one after another on a connection are told one after another', () => {
    const socket = {} as Socket;
    for (const name of ['a', 'b']) new Request(name, { socket }).comes().isAnswered();
    journal.catchUp();
    expect(entered).toEqual(['a at 0 to 0', 'b at 0 to 0']);
  });
});

test('the requests of every server are told to who follows it, in one order', () => {
  const [one, other] = [{}, {}];
  journal.follow(one, reader('one: '));
  journal.follow(other, reader('other: '));
  new Request('a', { server: one }).comes();
  new Request('b', { server: other }).comes();
  new Request('c', { server: one }).comes();
  journal.catchUp();
  expect(entered).toEqual(['one: a at 0', 'other: b at 0', 'one: c at 0']);
  journal.unfollow(one);
  new Request('d', { server: one }).comes().isAnswered();
  new Request('e', { server: other }).comes();
  journal.catchUp();
  expect(entered.slice(3)).toEqual(['other: e at 0']);
});

describe('when it is written through', () => {
  test('nothing waits, and what waited does no more', () => {
    const first = new Request('a').comes();
    journal.writeThrough();
    expect([entered, clock.background]).toEqual([['a at 0'], 0]);
    first.isAnswered();
    expect([entered, clock.background]).toEqual([['a at 0', 'a answered at 0'], 0]);
  });

  test('until it may be written behind again', () => {
    journal.writeThrough();
    journal.writeBehind();
    new Request('a').comes();
    expect(entered).toEqual([]);
  });
});

test('whoever asks while it is gone into does not begin anew', () => {
  const { requestStarted, ...others } = reader();
  journal.follow(SERVER, {
    ...others,
    requestStarted: (message, line, at) => {
      journal.catchUp();
      requestStarted(message, line, at);
    },
  });
  new Request('a').comes();
  new Request('b').comes();
  journal.catchUp();
  expect(entered).toEqual(['a at 0', 'b at 0']);
});
