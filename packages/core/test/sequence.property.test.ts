import diagnostics from 'node:diagnostics_channel';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { LEGAL_MOVES, type Phase } from '../src/phase.ts';
import { EXIT_CODES } from '../src/report.ts';
import { Harness } from './support/harness.ts';
import { type Life, live } from './support/live.ts';
import { type RandomLife, randomLife } from './support/random-life.ts';

afterEach(() => Harness.stopAll());

/** One look at the conditions is this much late, in milliseconds. */
const TICK_MS = 25;
/** The kubelet leaves this much after a signal, in milliseconds, however late it comes. */
const AFTER_SIGNAL_MS = 2_000;

function onlyLegalMoves({ harness }: Life): void {
  let at: Phase = 'starting';
  for (const { from, to } of harness.events('phase')) {
    expect(from).toBe(at);
    expect(LEGAL_MOVES[from]).toContain(to);
    at = to;
  }
}

/** Each begins with its event; none begins before the one before it was resumed. */
function oneTerminationAtATime({ harness }: Life): void {
  let running = false;
  for (const { name } of harness.told) {
    if (name === 'terminating') {
      expect(running).toBe(false);
      running = true;
    }
    if (name === 'resumed') running = false;
    if (name === 'joined') expect(running).toBe(true);
  }
  const begun = harness.phases().filter((phase) => phase === 'deregistering').length;
  expect(harness.events('terminating')).toHaveLength(begun);
}

function everyHookIsAnswered({ harness, hooks, signals }: Life, { terminationGracePeriodSeconds }: RandomLife): void {
  for (const { askedAt, answeredAt, report, failed } of hooks) {
    expect(failed).toBeUndefined();
    expect(report).toBeDefined();
    const t0 = Math.max(...beginnings(harness).filter((at) => at <= askedAt), 0);
    const budgetMs = budgetOf(harness);
    const latest = Math.max(askedAt, t0 + budgetMs) + TICK_MS;
    expect(answeredAt).toBeLessThanOrEqual(Math.min(latest, t0 + terminationGracePeriodSeconds * 1_000 + askedAt));
    const signalled = signals.find((at) => at >= askedAt);
    if (signalled !== undefined) expect(answeredAt).toBeLessThanOrEqual(Math.max(latest, signalled + AFTER_SIGNAL_MS));
  }
}

const beginnings = (harness: Harness): number[] =>
  harness.told.filter(({ name }) => name === 'terminating').map(({ at }) => at);

const budgetOf = (harness: Harness): number => harness.events('terminating')[0]?.budgetMs ?? 0;

/** The deadline of the requests, and of the process. */
function neverPastTheDeadline({ harness, ends, requests }: Life, { terminationGracePeriodSeconds }: RandomLife): void {
  const [exit] = harness.exits;
  if (exit === undefined) return;
  const t0 = beginnings(harness).at(-1) ?? 0;
  const granted = Math.max(t0 + terminationGracePeriodSeconds * 1_000, ...ends.map((at) => at + AFTER_SIGNAL_MS));
  expect(exit.at).toBeLessThanOrEqual(granted);
  const fast = harness.told.find(({ name, event }) => name === 'joined' && 'fastPath' in event && event.fastPath);
  if (fast !== undefined) expect(exit.at).toBeLessThan(fast.at + AFTER_SIGNAL_MS);
  const closing = harness.told.find(({ name, event }) => name === 'phase' && 'to' in event && event.to === 'closing');
  if (closing !== undefined) {
    expect(closing.at).toBeLessThanOrEqual(Math.max(t0 + budgetOf(harness), ...ends) + TICK_MS);
  }
  for (const { at, name } of harness.told) {
    if (name === 'cut') expect(at).toBeLessThanOrEqual(Math.max(t0 + budgetOf(harness), ...ends) + TICK_MS);
  }
  if (exit.code !== EXIT_CODES.secondSignal) {
    expect(requests.filter(({ exchange }) => exchange.outcome === 'open')).toEqual([]);
  }
}

/** A signal, a call or a fault ends the process, once, with the code that says how; a hook alone never does. */
function exitsOnceWithTheRightCode(life: Life): void {
  const { harness, ends, reports } = life;
  expect(harness.exits.length).toBeLessThanOrEqual(1);
  if (ends.length === 0) {
    expect(harness.exits).toEqual([]);
    expect(harness.lifecycle.phase).toBe('ready');
    return;
  }
  const [exit] = harness.exits;
  const report = reports.at(-1);
  expect(exit?.code).toBe(report?.exitCode);
  expect(exit?.code).toBe(expectedCode(life, report?.trigger.kind === 'fault'));
}

function expectedCode({ signals, reports, harness }: Life, begunByFault: boolean): number {
  const report = reports.at(-1);
  if (report === undefined) return Number.NaN;
  if (signals.length > 1) return EXIT_CODES.secondSignal;
  if (begunByFault || report.joined.some(({ kind }) => kind === 'fault')) return EXIT_CODES.fault;
  const t0 = beginnings(harness).at(-1) ?? 0;
  const cut = harness.told.some(({ name, at }) => (name === 'cut' || name === 'heldCut') && at >= t0);
  // Upgraded connections that were cut have no request; they are among those destroyed.
  if (cut || (report.outcome === 'forced' && report.connections.forced > 0)) return EXIT_CODES.forced;
  const failed = harness.events('closed').some(({ outcome }) => outcome !== 'done');
  return failed ? EXIT_CODES.closerFailed : EXIT_CODES.clean;
}

/** Whoever got no answer is in a report, and whoever is in a report got none. */
function everyLossIsConfessed({ harness, requests, reports, upgraded, held }: Life): void {
  const lost = requests.filter(({ exchange, counted }) => counted && exchange.outcome === 'lost').length;
  expect(reports.reduce((sum, { requests: { cutCount } }) => sum + cutCount, 0)).toBe(lost);
  expect(harness.events('cut')).toHaveLength(lost);
  const gaveUp = reports.reduce((sum, report) => sum + report.held.cutCount, 0);
  expect(harness.events('heldCut')).toHaveLength(gaveUp);
  expect(held.count - held.released - harness.lifecycle.status().held).toBe(gaveUp);
  for (const { requests: counts } of reports) expect(counts.answered).toBeGreaterThanOrEqual(0);
  const [exit] = harness.exits;
  const cutOff = upgraded.some(({ usable }) => !usable);
  if (exit?.code === EXIT_CODES.clean && reports.length === 1) expect(cutOff).toBe(false);
}

function servesUntilItDrains({ refusedIn }: Life): void {
  for (const phase of refusedIn) expect(['draining', 'closing', 'terminated']).toContain(phase);
}

function nothingIsLeft({ harness, registries, closerTimers }: Life): void {
  if (harness.exits.length === 0) return;
  expect(harness.signals.listeners).toBe(0);
  expect(diagnostics.channel('http.server.request.start').hasSubscribers).toBe(false);
  expect(harness.clock.pending).toBe(closerTimers);
  for (const { deafCalls, open } of registries) expect(open).toBe(deafCalls);
}

test('whatever happens in whatever order, the sequence keeps its promises', async () => {
  await fc.assert(
    fc.asyncProperty(randomLife, async (plan) => {
      const life = await live(plan);
      try {
        onlyLegalMoves(life);
        oneTerminationAtATime(life);
        everyHookIsAnswered(life, plan);
        neverPastTheDeadline(life, plan);
        exitsOnceWithTheRightCode(life);
        everyLossIsConfessed(life);
        servesUntilItDrains(life);
        nothingIsLeft(life);
      } finally {
        await Harness.stopAll();
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
