import { beforeEach, describe, expect, test } from 'vitest';
import { RequestJournal } from '../src/request-journal.ts';
import { FakeClock } from './support/fake-clock.ts';

let clock: FakeClock;
let journal: RequestJournal;
let entered: number[];

function write(...numbers: number[]): void {
  for (const number of numbers) journal.write({ enter: () => void entered.push(number) });
}

beforeEach(() => {
  clock = new FakeClock();
  journal = new RequestJournal(clock);
  entered = [];
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('entries wait', () => {
  test('until there are 64 of them, and are gone into in the order of writing', () => {
    write(...upTo(63));
    expect(entered).toEqual([]);
    write(63);
    expect(entered).toEqual(upTo(64));
    write(64);
    expect(entered).toEqual(upTo(64));
  });

  test('until somebody asks, and are gone into once', () => {
    write(1, 2);
    journal.catchUp();
    journal.catchUp();
    expect(entered).toEqual([1, 2]);
    write(3);
    journal.catchUp();
    expect(entered).toEqual([1, 2, 3]);
  });

  test('for a second at the most, for which no process stays up', async () => {
    write(1);
    await clock.advance(900);
    write(2);
    expect([entered, clock.pending, clock.background]).toEqual([[], 0, 1]);
    await clock.advance(100);
    expect([entered, clock.background]).toEqual([[1, 2], 0]);
  });

  test('and whoever writes many sets one timer a second', async () => {
    for (let second = 0; second < 3; second++) {
      for (let index = 0; index < 200; index++) write(index);
      expect(clock.background).toBe(1);
      await clock.advance(1_000);
      expect([entered.length, clock.background]).toEqual([200 * (second + 1), 0]);
    }
  });
});

describe('when it is written through', () => {
  test('entries do not wait, and those that waited do no more', () => {
    write(1, 2);
    journal.writeThrough();
    expect([entered, clock.background]).toEqual([[1, 2], 0]);
    write(3);
    expect([entered, clock.background]).toEqual([[1, 2, 3], 0]);
  });

  test('until it may be written behind again', () => {
    journal.writeThrough();
    journal.writeBehind();
    write(1);
    expect(entered).toEqual([]);
  });
});

test('whoever asks while entries are gone into does not begin anew', () => {
  journal.write({
    enter: () => {
      journal.catchUp();
      entered.push(1);
    },
  });
  write(2);
  journal.catchUp();
  expect(entered).toEqual([1, 2]);
});
