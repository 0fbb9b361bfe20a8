import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { html } from '../../src/drill/output/html/escape.ts';
import { htmlReport } from '../../src/drill/output/html/page.ts';
import { timeLineOf } from '../../src/drill/output/html/time-line.ts';
import { junitReport } from '../../src/drill/output/junit.ts';
import { momentsOf, momentTime } from '../../src/drill/output/moments.ts';
import { terminalReport } from '../../src/drill/output/terminal.ts';
import { phasesIn } from '../../src/drill/phases.ts';
import { Progress } from '../../src/drill/progress.ts';
import { caseResult, failedCase, pod, report, service, tally, timeline } from './support/results.ts';

const failed = report(service('node server.js', [failedCase()]));
const compared = report(service('node new.js', [caseResult()]), service('node old.js', [failedCase()]));

describe('moments', () => {
  it('are in order, whatever kind they are', () => {
    expect(momentsOf(pod()).map(({ atMs, words }) => `${momentTime(atMs)} ${words}`)).toEqual([
      '0 ms pod-1 begins to be stopped',
      '+12 ms gone from where callers look',
      '+1.9 s the last of 120 late requests',
      '+3 s hook: answers 200',
      '+3 s SIGTERM',
      '+3.1 s the process ends: exit code 0',
    ]);
  });

  it('say how a pod was ended, and when it was back', () => {
    const killed = pod({ timeline: timeline({ killed: true, exit: { code: null, signal: 'SIGKILL' } }) });
    expect(momentsOf(killed).at(-1)).toMatchObject({ kind: 'kill', words: 'SIGKILL ends the process' });
    const { exit: _, exitedAtMs: __, sigtermAtMs: ___, ...hookOnly } = timeline();
    const back = pod({ timeline: hookOnly, readyAgainMs: 9_000, listedAgainMs: 9_020 });
    expect(momentsOf(back).map(({ label }) => label)).toEqual([
      'hook',
      'delisted',
      'last late',
      'hook ends',
      'ready',
      'listed',
    ]);
  });
});

describe('phases', () => {
  const report = (kind: string) => ({
    trigger: { kind },
    phases: [{ phase: 'lame-duck', startedAtMs: 100, ms: 400 }, { phase: 'closing', startedAtMs: 500, ms: null }, 'x'],
  });

  it('begin with the trigger', () => {
    expect(phasesIn(report('prestop'), timeline())).toEqual([
      { phase: 'lame-duck', fromMs: 100, toMs: 500 },
      { phase: 'closing', fromMs: 500, toMs: 500 },
    ]);
    expect(phasesIn(report('signal'), timeline({ sigtermAtMs: 1_000 }))[0]).toMatchObject({ fromMs: 1_100 });
  });

  it('are none for a report of another shape', () => {
    expect([undefined, {}, { phases: 'many' }].map((other) => phasesIn(other, timeline()))).toEqual([[], [], []]);
  });
});

describe('the terminal', () => {
  const text = terminalReport(failed, { colours: false });

  it('shows the picture, the moments, the checks and the losses', () => {
    expect(text).toContain('node server.js  FAILED');
    expect(text).toMatch(/^ {2}late +[▁-█]+/m);
    expect(text).toMatch(/^ {2}lost +×+/m);
    expect(text).toMatch(/┴0─+┴1 s/);
    expect(text).toMatch(/\+3\.1 s {2}SIGKILL ends the process/);
    expect(text).toContain('✗ every request was answered: 31 lost');
    expect(text).toContain(
      'GET /orders/7?q=<script>alert("x")</script>&a at +9 ms: ECONNREFUSED (new-connection, no connection)',
    );
    expect(text).toContain('seed 1, schedule e02266b294443420');
  });

  it('has colours only when they are wanted', () => {
    expect(text).not.toContain('\x1b');
    expect(terminalReport(failed, { colours: true })).toContain('\x1b[31mFAILED\x1b[0m');
  });

  it('sets two side by side', () => {
    const both = terminalReport(compared, { colours: false });
    expect(both).toMatch(/requests +late +lost +to exit/);
    expect(both).toMatch(/node new\.js +rolling +1,765 +120 +0 +3\.1 s/);
    expect(both).toMatch(/node old\.js +rolling +1,765 +120 +31 +3\.1 s/);
  });

  const widest = (output: string): number =>
    Math.max(
      ...stripVTControlCharacters(output)
        .split('\n')
        .map(({ length }) => length),
    );

  it.each([48, 60, 80])('fits into %i columns, picture and words', (width) => {
    const narrow = terminalReport(failed, { colours: true, width });
    // A path that has no blank in it is not broken.
    const lines = narrow.split('\n').filter((line) => !line.includes('alert'));
    expect(widest(lines.join('\n'))).toBeLessThanOrEqual(width);
    expect(stripVTControlCharacters(narrow).replaceAll(/\s+/g, ' ')).toContain(
      '31 lost of 1765 requests: the listener was closed',
    );
  });

  it('uses the room of a wide terminal', () => {
    expect(widest(terminalReport(failed, { colours: false, width: 200 }))).toBeGreaterThan(100);
  });

  it('shortens the names of two side by side, from the front', () => {
    const long = report(
      service(`node ${'a/'.repeat(40)}new.js`, [caseResult()]),
      service('node old.js', [caseResult()]),
    );
    const rows = terminalReport(long, { colours: false, width: 80 })
      .split('\n')
      .filter((line) => / rolling +1,765/.test(line));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain('new.js');
    expect(Math.max(...rows.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('stays narrow where there is no terminal', () => {
    expect(
      Math.max(
        ...text
          .split('\n')
          .filter((line) => /[▁-█┴]/.test(line))
          .map(({ length }) => length),
      ),
    ).toBeLessThan(81);
  });
});

describe('a case in which nobody called', () => {
  const { hook: _, sigtermAtMs: __, exitedAtMs: ___, exit: ____, ...bare } = timeline({ hooks: [] });
  const empty = caseResult({
    checks: [],
    pods: [pod({ timeline: { ...bare, hooks: [] }, late: { count: 0, lost: 0, lastAfterMs: 0 } })],
    tally: tally({ sent: 0, answered: 0, statuses: {} }),
    traffic: { bucketMs: 50, buckets: [] },
  });
  const nobody = report(service('node server.js', [empty]));

  it('has a picture without a hole in it', () => {
    for (const text of [terminalReport(nobody, { colours: false }), htmlReport(nobody), junitReport(nobody)]) {
      expect(text).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});

describe('JUnit', () => {
  it('has a suite for each case and a failure for each check that does not hold', () => {
    const xml = junitReport(failed);
    expect(xml).toContain('<testsuite name="node server.js: rolling" tests="3" failures="2" errors="0" skipped="0"');
    expect(xml.match(/<testcase /g)).toHaveLength(3);
    expect(xml.match(/<failure /g)).toHaveLength(2);
    expect(xml).toContain('/orders/7?q=&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;&#38;a');
  });

  it('prints a warning and passes it, but not that nothing was put to the test', () => {
    const warned = caseResult({
      checks: [
        { id: 'exit-code', title: 'exit code 0', outcome: 'warn', detail: 'code 3' },
        { id: 'tested', title: 'put to the test', outcome: 'warn', detail: 'only 2' },
      ],
    });
    const xml = junitReport(report(service('a', [warned])));
    expect(xml).toContain('<system-out>code 3</system-out>');
    expect(xml.match(/<failure type="tested"/g)).toHaveLength(1);
  });

  it('leaves out the service that is only compared, and says what was skipped', () => {
    const [first, second] = compared.services;
    if (first === undefined || second === undefined) throw new Error('two services');
    const skipped = { ...first, skipped: [{ case: 'hook-only', why: 'no hook' } as const] };
    const xml = junitReport({ ...compared, services: [skipped, second] });
    expect(xml).not.toContain('old.js');
    expect(xml).toContain('<skipped message="no hook"/>');
  });

  it('has no character that XML cannot carry', () => {
    const xml = junitReport(report(service('a\u0000\u001b[31m', [caseResult()])));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these.
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  });
});

describe('the page', () => {
  it('escapes what comes from outside', () => {
    const page = htmlReport(failed);
    expect(page).not.toContain('<script');
    expect(page).toContain('&#60;script&#62;alert(&#34;x&#34;)');
    expect(html`<p title="${`a"b`}">${['<', html`<b>${'&'}</b>`, undefined]}</p>`.text).toBe(
      '<p title="a&#34;b">&#60;<b>&#38;</b></p>',
    );
  });

  it('needs nothing from anywhere', () => {
    const page = htmlReport(compared);
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/(?:src|href)=/);
    expect(page).not.toMatch(/https?:\/\//);
  });

  it('has every id once', () => {
    const two = [caseResult(), { ...failedCase(), case: 'force-delete' } as const];
    const page = htmlReport(report(service('a', two), service('b', two)));
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(10);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, names = ''] of page.matchAll(/aria-labelledby="([^"]+)"/g)) {
      for (const name of names.split(' ')) expect(ids).toContain(name);
    }
    for (const [, name] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(name);
  });

  it('lays everything on one clock', () => {
    const line = timeLineOf(failedCase());
    expect(line.span.fromMs).toBe(-1_200);
    expect(line.span.toMs).toBe(3_500);
    expect(line.kubelet).toEqual([
      { kind: 'hook', label: 'preStop hook', fromMs: 0, toMs: 3_000 },
      { kind: 'after-signal', label: 'after SIGTERM', fromMs: 3_001, toMs: 3_100 },
    ]);
    expect(line.phases.map(({ label }) => label)).toEqual(['deregistering', 'lame-duck']);
    const late = line.columns.filter((column) => column.late > 0);
    expect([late[0]?.fromMs, late.at(-1)?.toMs]).toEqual([0, 2_000]);
  });
});

describe('progress', () => {
  const counters = { elapsedMs: 1, sent: 1_200, answered: 1_200, lost: 2, inFlight: 0, starved: 0 };

  function written(isTTY: boolean, columns = 80): string {
    let text = '';
    const progress = new Progress({ isTTY, columns, write: (more) => (text += more) }, isTTY);
    const listener = progress.listener(undefined);
    listener({ type: 'warm-up', ms: 1000 });
    listener({ type: 'progress', counters, late: 7 });
    listener({ type: 'exited', pod: 'pod-1', how: 'exit code 0', afterMs: 3_300 });
    progress.end();
    return text;
  }

  it('is a line for each step', () => {
    expect(written(false)).toBe('  callers begin\n  pod-1 ends after 3.3 s: exit code 0\n');
  });

  it('and one that is written over, on a terminal', () => {
    expect(written(true)).toContain('\r\x1b[K  1,200 requests, 7 late, 2 lost\r\x1b[K');
  });

  it('which is cut where the terminal ends, since it could not be taken away otherwise', () => {
    expect(written(true, 20)).toContain('\r\x1b[K  1,200 requests, 7\r\x1b[K');
  });
});
