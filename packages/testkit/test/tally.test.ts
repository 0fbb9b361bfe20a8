import { expect, it } from 'vitest';
import { Ledger, type LostRequest } from '../src/tally.ts';

const lost: LostRequest = {
  caller: 0,
  client: 'node',
  target: 'a:1',
  method: 'GET',
  path: '/',
  cause: 'ECONNRESET',
  atMs: 10,
  afterMs: 1,
  reusedSocket: true,
  requestOnConnection: 4,
};

it('adds up', () => {
  const ledger = new Ledger(1000);
  for (const [target, atMs] of [
    ['a:1', 1010],
    ['b:1', 1020],
    ['a:1', 1030],
  ] as const)
    ledger.sent(target, atMs);
  ledger.completed(200);
  ledger.answered('a:1', 4);
  ledger.lost(lost);
  ledger.starved();
  expect(ledger.counters(1050)).toEqual({ elapsedMs: 50, sent: 3, answered: 1, lost: 1, inFlight: 1, starved: 1 });
  const tally = ledger.tally(1050, 2);
  expect(tally).toMatchObject({ sent: 3, answered: 1, lostCount: 1, lost: [lost], causes: { ECONNRESET: 1 } });
  expect(tally).toMatchObject({ statuses: { 200: 1 }, starved: 1, discoveryFailures: 2 });
  expect(tally.perTarget['a:1']).toEqual({ sent: 2, answered: 1, lost: 1, firstSentAtMs: 10, lastSentAtMs: 30 });
});

it('gives latencies in milliseconds, and 0 for none', () => {
  const ledger = new Ledger(0);
  expect(ledger.tally(0, 0).latencyMs).toEqual({ p50: 0, p99: 0, max: 0 });
  for (let ms = 1; ms <= 100; ms++) ledger.answered('a:1', ms);
  const { p50, p99, max } = ledger.tally(0, 0).latencyMs;
  expect(p50).toBeCloseTo(50, 0);
  expect(p99).toBeCloseTo(99, 0);
  expect(max).toBeCloseTo(100, 0);
});

it('keeps the first thousand losses and counts all', () => {
  const ledger = new Ledger(0);
  for (let index = 0; index < 1500; index++) ledger.lost({ ...lost, caller: index });
  const tally = ledger.tally(0, 0);
  expect([tally.lostCount, tally.lost.length, tally.causes['ECONNRESET']]).toEqual([1500, 1000, 1500]);
});
