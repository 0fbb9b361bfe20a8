import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { CONNECTION_KINDS } from '../src/connection.ts';
import { PHASES } from '../src/phase.ts';
import { REPORT_VERSION, type TerminationReport } from '../src/report.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeRegistry } from './support/fake-registry.ts';
import { Harness, type HarnessOptions } from './support/harness.ts';
import { live } from './support/live.ts';
import { codes, names, page, section, table } from './support/markdown.ts';
import { randomLife } from './support/random-life.ts';
import { reportOf } from './support/report-of.ts';

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

const schema = JSON.parse(readFileSync(new URL('../report.schema.json', import.meta.url), 'utf8')) as Schema;
const validator = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

afterEach(() => Harness.stopAll());

/** A schema with what it refers to and what it is made of. */
function parts(one: Schema): Schema[] {
  const referred = one.$ref?.startsWith('#/$defs/') ? schema.$defs?.[one.$ref.slice('#/$defs/'.length)] : undefined;
  return [one, ...(referred ? parts(referred) : []), ...(one.allOf ?? []).flatMap(parts)];
}

function propertiesOf(one: Schema): [string, Schema][] {
  return parts(one).flatMap(({ properties = {} }) => Object.entries(properties));
}

/** Every field of the report, written as in the page: `requests.cut[].path`. */
function fields(one: Schema, prefix = ''): string[] {
  return propertiesOf(one).flatMap(([name, property]) => {
    const items = parts(property).find((part) => part.items)?.items;
    const path = `${prefix}${name}${items ? '[]' : ''}`;
    return [path, ...fields(items ?? property, `${path}.`)];
  });
}

/** Fields that a value has and the schema does not describe. */
function undescribed(value: unknown, one: Schema, path = ''): string[] {
  if (Array.isArray(value)) {
    const items = parts(one).find((part) => part.items)?.items ?? {};
    return value.flatMap((entry) => undescribed(entry, items, `${path}[]`));
  }
  if (typeof value !== 'object' || value === null) return [];
  const known = new Map(propertiesOf(one.anyOf ? schema : one));
  const others = parts(one).some(({ additionalProperties }) => additionalProperties);
  return Object.entries(value).flatMap(([name, property]) => {
    const described = known.get(name);
    if (described) return undescribed(property, described, `${path}.${name}`);
    return others ? [] : [`${path}.${name}`];
  });
}

function expectValid(report: TerminationReport): void {
  const printed: unknown = JSON.parse(JSON.stringify(report));
  expect([validator(printed), validator.errors]).toEqual([true, null]);
  expect(undescribed(printed, schema)).toEqual([]);
}

/** Reports of one harness, each as it was told, and what a hook was answered. */
async function reportsOf(
  options: HarnessOptions,
  happen: (harness: Harness) => Promise<void>,
): Promise<TerminationReport[]> {
  const clock = new FakeClock();
  const registry = [
    new FakeRegistry(clock, { name: 'good' }),
    new FakeRegistry(clock, { name: 'bad', deregister: [{ refuse: 'auth' }] }),
  ];
  const harness = await new Harness({ clock, registry, ...options }).ready();
  harness.server.request();
  await happen(harness);
  await clock.advance(60_000);
  return harness.events('report').map(({ report }) => report);
}

describe('report.schema.json', () => {
  const outcomes: readonly [TerminationReport['outcome'], (harness: Harness) => Promise<void>][] = [
    ['forced', async (harness) => void harness.signals.send()],
    [
      'second-signal',
      async (harness) => {
        harness.signals.send();
        await harness.clock.advance(300);
        harness.signals.send();
      },
    ],
    ['resumed', async (harness) => void harness.prestop()],
    ['fault', async (harness) => void harness.lifecycle.terminate({ kind: 'fault', detail: 'boom' })],
  ];

  test.each(outcomes)('describes a report of outcome %s', async (outcome, happen) => {
    const reports = await reportsOf({}, happen);
    expect(reports.map((report) => report.outcome)).toEqual([outcome]);
    for (const report of reports) expectValid(report);
  });

  test('describes reports of outcome drained, clean and closer-failed', async () => {
    for (const fails of [false, true]) {
      const harness = await new Harness().ready();
      harness.lifecycle.onClose('pool', () => (fails ? Promise.reject(new Error('gone')) : undefined));
      expectValid(await harness.resolved(harness.prestop()));
      harness.signals.send();
      await harness.untilExit();
      const [{ report } = { report: reportOf({}) }] = harness.events('report');
      expect(report.outcome).toBe(fails ? 'closer-failed' : 'clean');
      expectValid(report);
    }
  });

  test('describes a report that is asked for before the end', async () => {
    const harness = await new Harness().ready();
    const answer = harness.lifecycle.terminate();
    await harness.clock.advance(100);
    await harness.lifecycle.stop();
    expectValid(await answer);
  });

  test('describes the reports of workers inside the one of their primary', () => {
    const worker = {
      id: 1,
      kind: 'thread',
      pid: 7,
      outcome: 'ended',
      exitCode: 0,
      signal: null,
      drainedAtMs: 900,
      endedAtMs: 1_000,
      error: null,
    } as const;
    expectValid(
      reportOf({
        workers: [
          { ...worker, report: reportOf({}) },
          { ...worker, report: null },
        ],
      }),
    );
    const wrong = { ...worker, report: { ...reportOf({}), outcome: 'fine' } };
    expect(validator(JSON.parse(JSON.stringify(reportOf({ workers: [wrong as never] }))))).toBe(false);
  });

  test('describes whatever a life leaves', async () => {
    await fc.assert(
      fc.asyncProperty(randomLife, async (plan) => {
        const { reports, hooks } = await live(plan);
        await Harness.stopAll();
        for (const report of [...reports, ...hooks.flatMap((hook) => hook.report ?? [])]) expectValid(report);
      }),
      { numRuns: 30 },
    );
  }, 30_000);

  test.each<[string, object]>([
    ['a wrong version', { version: 2 }],
    ['an unknown outcome', { outcome: 'fine' }],
    ['a time that is no whole number', { totalMs: 1.5 }],
    ['fewer answers than none', { requests: { ...reportOf({}).requests, answered: -1 } }],
    ['a field that is missing', { closers: undefined }],
  ])('refuses %s', (_, change) => {
    expect(validator(JSON.parse(JSON.stringify({ ...reportOf({}), ...change })))).toBe(false);
  });

  test('requires every field that the code always gives', () => {
    expect(schema.required).toEqual(Object.keys(reportOf({})));
  });

  test('has the lists of the code', () => {
    const { version, phases, outcome } = schema.properties ?? {};
    expect([version?.const, phases?.items?.properties?.['phase']?.enum]).toEqual([REPORT_VERSION, PHASES]);
    expect(names(table(section(page('report.md'), 'Outcomes')))).toEqual(outcome?.enum);
    expect(CONNECTION_KINDS.length).toBeGreaterThan(0);
  });

  test('says something about every field', () => {
    const silent = (one: Schema): string[] =>
      propertiesOf(one).flatMap(([name, property]) => [
        ...(property.description ? [] : [name]),
        ...silent(parts(property).find((part) => part.items)?.items ?? property),
      ]);
    expect(silent(schema)).toEqual([]);
  });
});

test('docs/report.md lists every field of the schema, in its order', () => {
  const listed = table(section(page('report.md'))).map(([field]) => codes(field)[0]);
  expect(listed.filter((field) => !fields(schema).includes(field ?? ''))).toEqual([]);
  expect(fields(schema).filter((field) => !listed.includes(field))).toEqual([]);
});
