import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CLOSED_LOOP_MS, Connection, SILENT_SOCKET_MS } from '../src/connection.ts';
import { ABORT_LEAD_MS, DEFAULTS, EXIT_MARGIN_MS, FAST_PATH } from '../src/defaults.ts';
import { Exchange } from '../src/exchange.ts';
import { resolveOptions } from '../src/lifecycle-options.ts';
import { LEGAL_MOVES, PHASES } from '../src/phase.ts';
import { quietWindow } from '../src/quiet.ts';
import { REGISTRY_CALL_MS } from '../src/registry-call.ts';
import { retryDelay } from '../src/retry.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import { Harness } from './support/harness.ts';
import { names, page, section, table } from './support/markdown.ts';

const sequence = page('sequence.md');

afterEach(() => Harness.stopAll());

describe('the diagram', () => {
  test('has the legal moves, and no other', () => {
    const diagram = /```mermaid\n([\s\S]*?)```/.exec(sequence)?.[1] ?? '';
    const aliases = new Map([...diagram.matchAll(/state "(.+)" as (\w+)/g)].map(([, name, alias]) => [alias, name]));
    const moves = [...diagram.matchAll(/^\s*(\S+) --> ([\w*[\]]+)/gm)]
      .map(([, from = '', to = '']) => [aliases.get(from) ?? from, aliases.get(to) ?? to])
      .filter((move) => !move.includes('[*]'));
    const legal = PHASES.flatMap((from) => LEGAL_MOVES[from].map((to) => [from, to]));
    expect(moves.map(String).sort()).toEqual(legal.map(String).sort());
    expect(diagram).toContain(`[*] --> ${PHASES[0]}`);
  });

  test('the table of phases has them all, in order', () => {
    expect(names(table(section(sequence, 'Phases')))).toEqual(PHASES);
  });
});

describe('the budget', () => {
  const { graceMs, budgetMs, exitMs, deregistrationMs, floorMs, minDrainMs } = resolveOptions({});
  const text = section(sequence, 'The budget');
  const prose = text.replace(/\s+/g, ' ');

  test('of the worked example is that of the code', () => {
    expect(DEFAULTS.terminationGracePeriodSeconds).toBe(30);
    expect(table(text).map(([, , ms]) => Number(ms))).toEqual([
      deregistrationMs,
      floorMs,
      budgetMs - minDrainMs,
      budgetMs - ABORT_LEAD_MS,
      budgetMs,
      exitMs,
      graceMs,
    ]);
  });

  test('names the numbers that it is made of', () => {
    const how = table(text)
      .map(([, words]) => words)
      .join('\n');
    const { reserveMs, reserveShare, deregistrationShare, drainShare, endpointsSettleMs } = DEFAULTS;
    for (const number of [
      `the smaller of ${DEFAULTS.deregistrationMs} and ${deregistrationShare} of the budget`,
      `\`floorMs\`: ${endpointsSettleMs}`,
      `(${drainShare} of the budget)`,
      `less ${ABORT_LEAD_MS}`,
      `the smaller of ${reserveMs} and ${reserveShare} of it`,
      `less ${EXIT_MARGIN_MS}`,
    ]) {
      expect(how).toContain(number);
    }
    expect(prose).toContain(
      `cut after ${FAST_PATH.requestsMs} ms, the process has ended after ${FAST_PATH.totalMs} ms`,
    );
    expect(prose).toContain(`given ${FAST_PATH.totalMs} ms`);
  });

  test('an idle pod with a confirmed registry that needs no floor answers after 0.2 s', async () => {
    const clock = new FakeClock();
    const harness = await new Harness({ clock, registry: new FakeRegistry(clock) }).ready();
    await clock.advance(60_000);
    const { totalMs } = await harness.resolved(harness.prestop());
    expect(prose).toContain(`after ${(Math.floor(totalMs / 100) / 10).toFixed(1)} s`);
  });

  test.each([
    { told: true, words: /busy callers, (\d\.\d) s/ },
    { told: false, words: /or (\d\.\d) s if it never read/ },
  ])('after the last of busy callers it answers when the page says (told: $told)', async ({ told, words }) => {
    const clock = new FakeClock();
    const harness = await new Harness({ clock, registry: new FakeRegistry(clock) }).ready();
    const connection = harness.server.connect();
    for (let index = 0; index < 100; index++) {
      connection.request().answer();
      await clock.advance(20);
    }
    const done = harness.prestop();
    if (told) {
      for (let index = 0; index < 50; index++) {
        harness.server.request().answer();
        await clock.advance(20);
      }
    }
    const lastAt = told ? clock.now() - 20 : clock.now();
    await harness.resolved(done);
    const promised = Number(words.exec(prose)?.[1]) * 1_000;
    expect(clock.now() - lastAt).toBeLessThanOrEqual(promised + 100);
  });
});

describe('quiet', () => {
  const text = section(sequence, 'Quiet');
  const windowOf = (meanGapMs: number, recurringGapMs = 0): number =>
    quietWindow({ lastAt: 0, meanGapMs, recurringGapMs }, DEFAULTS.quiet).windowMs;

  test('the windows of the page are those of the code', () => {
    const { minMs, maxMs, missedRequests } = DEFAULTS.quiet;
    expect(table(text).map(([, , example]) => example)).toEqual([
      `${missedRequests} gaps: ${windowOf(1_000 / 5)} ms at 5 requests a second`,
      `${windowOf(20, 2_000)} ms for a burst every 2 s`,
      `${windowOf(10_000)} ms`,
      `${minMs} to ${maxMs} ms`,
    ]);
  });
});

describe('connections', () => {
  const text = section(sequence, 'Connections');
  const classifier = { counts: () => true, countsAgent: undefined, leaves: () => false };
  const untold = (everyMs: number, requests: number, quietSince?: number): number => {
    const connection = new Connection({ bytesRead: 0 } as Socket, 0);
    for (let index = requests - 1; index >= 0; index--) {
      const message = { request: { complete: true }, response: {}, socket: connection.socket, server: {} } as never;
      const line = { method: 'GET', target: '/', fields: [] };
      const exchange = new Exchange(connection, message, line, classifier, -index * everyMs);
      connection.requestStarted(exchange);
      exchange.answered(-index * everyMs, 0);
      connection.responseFinished(exchange);
    }
    return connection.mayCloseAt(0, 0, quietSince);
  };

  test('the silences of the page are those of the code', () => {
    expect(text).toContain(`7 of its own gaps, ${untold(1, 5)} to ${untold(60_000, 5)} ms`);
    expect(untold(180, 5)).toBe(7 * 180);
    expect(text).toContain(`after a silence of ${untold(10, 2)} ms`);
    expect(text).toContain(`after ${SILENT_SOCKET_MS} ms`);
    expect(text).toContain(`and the next request, ${untold(1, 5, 0)} to ${untold(60_000, 5, 0)} ms`);
    expect(untold(20, 5, 0)).toBe(7 * 20);
    expect(text).toContain(`${untold(1, 2, 0)} ms where those are not known`);
    expect(text).toContain(`has ${CLOSED_LOOP_MS} ms of them to come back`);
  });
});

test('registries: the pauses of the page are those of the code', async () => {
  const [call, retry, clean, watch] = table(section(sequence, 'Registries')).map(([, words = '']) => words);
  expect(call).toBe(`${REGISTRY_CALL_MS} ms`);
  expect(retry).toBe(`${retryDelay(1, () => 1)} to ${retryDelay(99, () => 1)} ms`);
  const clock = new FakeClock();
  const registry = new FakeRegistry(clock, { settleMs: 4_000 });
  const harness = await new Harness({ clock, registry }).ready();
  const before = registry.count('check');
  await harness.resolved(harness.prestop());
  const reads = registry.calls.filter(({ method }) => method === 'check').slice(before);
  const pauses = reads.slice(1).map(({ at }, index) => at - (reads[index]?.at ?? 0));
  expect([clean, watch]).toEqual([`${pauses[0]} ms`, `${pauses[1]} ms`]);
});
