import { describe, expect, it } from 'vitest';
import { reportOf } from '../../core/test/support/report-of.ts';
import { explainReport, readAccounts } from '../src/index.ts';
import { folder } from './support/folder.ts';
import { prestop } from './support/io.ts';

const CLEAN = reportOf({ joined: [{ kind: 'signal', detail: 'SIGTERM', atMs: 2_210 }] });

function remarksOf(changes: Parameters<typeof reportOf>[0]): string[] {
  return explainReport(reportOf(changes), 'x').remarks.map(({ severity, text }) => `${severity}: ${text}`);
}

function logged(report: object, before = ''): string {
  return `${before}${JSON.stringify({ level: 'info', message: 'termination report', event: 'report', report })}\n`;
}

describe('a report of a termination', () => {
  it('that went well has nothing to remark, and says how it went', () => {
    const { headline, lines, remarks } = explainReport(
      {
        ...CLEAN,
        phases: [
          { phase: 'deregistering', startedAtMs: 0, ms: 206 },
          { phase: 'lame-duck', startedAtMs: 206, ms: 1_850 },
          { phase: 'draining', startedAtMs: 2_056, ms: null },
        ],
        registries: [
          {
            name: 'consul',
            outcome: 'confirmed',
            answer: 'removed',
            attempts: 1,
            removedAtMs: 12,
            confirmedAtMs: 206,
            reappeared: 0,
            reads: { gone: 2, visible: 0, unknown: 0 },
            error: null,
            closeError: null,
          },
        ],
      },
      'orders.log:3',
    );
    expect(headline).toBe('clean (exit code 0) after 2.3 s; begun by /prestop, joined by SIGTERM after 2.2 s');
    expect(lines).toEqual([
      '    0 ms  deregistering  206 ms    consul confirmed: removed after 12 ms, proven after 206 ms, 1 attempt, reads: 2 gone, 0 visible, 0 unknown',
      '  206 ms  lame-duck      1.9 s     0 late requests; ended by quiet',
      '   2.1 s  draining       still running  0 in flight at the start, 0 answered, 0 cut',
    ]);
    expect(remarks).toEqual([]);
  });

  const registry = {
    name: 'consul',
    answer: 'removed',
    attempts: 2,
    removedAtMs: 12,
    confirmedAtMs: null,
    reappeared: 0,
    reads: { gone: 0, visible: 0, unknown: 4 },
    error: null,
    closeError: null,
  } as const;
  const { lameDuck, requests, connections, budget } = CLEAN;

  it.each<[Parameters<typeof reportOf>[0], string]>([
    [
      { registries: [{ ...registry, outcome: 'failed', error: 'refused' }] },
      'error: consul: the instance could not be removed: refused',
    ],
    [
      { registries: [{ ...registry, outcome: 'unconfirmed' }] },
      'warning: consul: removed as far as the registry said, not proven',
    ],
    [
      { registries: [{ ...registry, outcome: 'confirmed', reappeared: 2 }] },
      'warning: consul: the instance came back 2 times after it had been removed',
    ],
    [
      { lameDuck: { ...lameDuck, endedBy: 'budget' } },
      'warning: The callers had not stopped when the time for draining began',
    ],
    [
      {
        phases: [{ phase: 'lame-duck', startedAtMs: 0, ms: 1 }],
        requests: { ...requests, late: { count: 1, lastAfterMs: 900, callers: [] } },
      },
      'info: The last stale caller came 900 ms after the removal, later than the floor of 0 ms',
    ],
    [
      {
        requests: {
          ...requests,
          cutCount: 2,
          cut: [{ method: 'GET', path: '/export', ageMs: 24_000, cause: 'deadline' }],
        },
      },
      'error: 2 requests cut: GET /export (deadline, 24.0 s old) and 1 more',
    ],
    [{ connections: { ...connections, forced: 1 } }, 'info: 1 connection ended by force, no request on them'],
    [{ outcome: 'running' }, 'warning: This is no final report: the termination was still running'],
    [{ outcome: 'drained' }, 'info: This is what /prestop answered, before the signal'],
    [{ outcome: 'second-signal' }, 'error: A second signal ended the process before it was done'],
    [{ outcome: 'stopped' }, 'info: stop() ended the termination in the middle; the process went on'],
    [
      { held: { atStart: 2, released: 0, cutCount: 2, cut: [{ name: 'mail', ageMs: 24_000 }] } },
      'error: Held work cut: mail (24.0 s old) and 1 more',
    ],
    [
      { registries: [{ ...registry, outcome: 'confirmed', closeError: 'it hangs' }] },
      'warning: consul: its client was not closed in the end: it hangs',
    ],
    [{ outcome: 'fault' }, 'error: An uncaught exception or rejection began the termination or joined it'],
    [{ outcome: 'resumed' }, 'warning: No signal followed /prestop, and the service registered again'],
    [
      { budget: { ...budget, fastPath: true } },
      'warning: SIGTERM came while /prestop still ran, and the rest was cut short',
    ],
    [{ trigger: { kind: 'signal', detail: 'SIGTERM' } }, 'info: The hook did not run: the signal began it'],
    [
      { closers: [{ name: 'pool', outcome: 'timed-out', ms: 5_000, error: null, counts: null }] },
      'error: closer "pool" timed-out after 5.0 s',
    ],
  ])('%j', (changes, remark) => {
    expect(remarksOf(changes)).toEqual([remark]);
  });

  it('that cut because callers stayed is worse than one that did not', () => {
    const cut = [{ method: 'GET', path: '/', ageMs: 1, cause: 'collision' }] as const;
    expect(
      remarksOf({ lameDuck: { ...lameDuck, endedBy: 'budget' }, requests: { ...requests, cutCount: 1, cut } }),
    ).toEqual([
      'error: The callers had not stopped when the time for draining began',
      'error: 1 request cut: GET / (collision, 1 ms old)',
    ]);
  });
});

describe('reading', () => {
  it('finds the reports among other lines, whatever a collector put before them', () => {
    const log = [
      'listening on 3000\n{"level":"info","message":"not a report"}\n{ broken\n',
      logged(CLEAN, '2026-01-02T03:04:05.678901234Z stdout F '),
      logged({ ...CLEAN, pid: 7 }, '[pod/orders-1/orders] '),
    ].join('');
    expect(readAccounts('orders.log', log).map(({ source }) => source)).toEqual(['orders.log:4', 'orders.log:5']);
  });

  it('takes the last report of one termination', () => {
    const log = logged({ ...CLEAN, outcome: 'drained' }) + logged(CLEAN);
    expect(readAccounts('x', log).map(({ headline }) => headline.split(' ')[0])).toEqual(['clean']);
  });

  it('takes a report alone, and nothing from anything else', () => {
    expect(readAccounts('x', JSON.stringify(CLEAN, null, 2))).toHaveLength(1);
    for (const other of ['', 'null', '{}', '[1]', '{"version":1}', '{"report":null}', '{"kind":"Service"}']) {
      expect(readAccounts('x', other)).toEqual([]);
    }
  });
});

describe('what kubectl prints', () => {
  const pod = (terminated: object): string =>
    JSON.stringify({
      kind: 'List',
      items: [
        {
          kind: 'Pod',
          metadata: { name: 'orders-1', namespace: 'shop' },
          status: {
            containerStatuses: [
              { name: 'orders', restartCount: 1, state: { running: {} }, lastState: { terminated } },
              { name: 'proxy', restartCount: 0, state: { running: {} } },
            ],
          },
        },
      ],
    });

  it.each([
    [{ exitCode: 0 }, []],
    [{ exitCode: 1 }, ['It ended by itself with exit code 1']],
    [{ exitCode: 70 }, ['Requests were cut at the deadline']],
    [{ exitCode: 71 }, ['A closer failed, ran out of time or was skipped']],
    [{ exitCode: 72 }, ['A second signal ended the process at once']],
    [{ exitCode: 73 }, ['An uncaught exception or rejection began the termination or joined it']],
    [{ exitCode: 137 }, ['SIGKILL: the grace period was over, or the memory limit']],
    [{ exitCode: 137, reason: 'OOMKilled' }, ['The kernel ended it for its memory']],
    [{ exitCode: 143 }, ['SIGTERM ended the process, and nobody in it was listening']],
  ])('a container with %j', (terminated, remarks) => {
    const [account, ...more] = readAccounts('x', pod(terminated));
    expect(more).toEqual([]);
    expect(account?.source).toBe('Pod shop/orders-1, container orders');
    expect(account?.headline).toBe(`ended with exit code ${terminated.exitCode}, restarted once`);
    expect(account?.remarks.map(({ text }) => text)).toEqual(remarks);
  });

  it('the termination message of a container', () => {
    const message = 'prestop: clean (exit 0) after 2300 ms, trigger prestop\nregistries: consul=confirmed\n';
    expect(readAccounts('x', pod({ exitCode: 0, message }))[0]?.lines).toEqual(message.trim().split('\n'));
  });

  it.each([
    ['FailedPreStopHook', 'PreStopHook failed', 'The preStop hook failed, and SIGTERM followed'],
    [
      'FailedPostStartHook',
      'PostStartHook failed',
      'The postStart hook failed, and the kubelet restarts the container',
    ],
    [
      'ExceededGracePeriod',
      'Container runtime did not kill the pod',
      'The container was still there when the grace period was over',
    ],
    ['Evicted', 'The node was low on resource: memory.', 'The node evicted the pod'],
    [
      'Killing',
      'Container orders failed liveness probe, will be restarted',
      'A failed liveness probe restarts the container',
    ],
    ['Unhealthy', 'Liveness probe failed: HTTP probe failed', 'The liveness probe failed'],
  ])('event %s', (reason, message, remark) => {
    const involvedObject = { kind: 'Pod', namespace: 'shop', name: 'orders-1', fieldPath: 'spec.containers{orders}' };
    const [account] = readAccounts('x', JSON.stringify({ kind: 'Event', reason, message, involvedObject }));
    expect(account).toMatchObject({
      source: `Event ${reason} of Pod shop/orders-1, container orders`,
      headline: message,
      remarks: [{ text: remark }],
    });
  });

  it.each([
    ['Killing', 'Stopping container orders'],
    ['Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503'],
    ['Pulled', 'Container image is present'],
  ])('event %s (%s) is part of every rollout', (reason, message) => {
    expect(readAccounts('x', JSON.stringify({ kind: 'Event', reason, message }))).toEqual([]);
  });
});

const LOG = `listening\n${logged(CLEAN)}`;

describe('prestop report', () => {
  it('exits 0 when all went well', async () => {
    const cwd = folder({ 'orders.log': LOG });
    const { code, stdout, stderr } = await prestop(['report', 'orders.log'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^orders\.log:2: clean \(exit code 0\) after 2\.3 s/);
    expect(stdout).not.toContain('\u001b');
  });

  it('exits 1 when something was lost, and says what to do', async () => {
    const report = reportOf({
      outcome: 'forced',
      exitCode: 70,
      requests: {
        ...CLEAN.requests,
        cutCount: 1,
        cut: [{ method: 'GET', path: '/export', ageMs: 24_000, cause: 'deadline' }],
      },
    });
    const { code, stdout } = await prestop(['report', '-'], { stdin: `listening\n${logged(report)}`, tty: true });
    expect(code).toBe(1);
    expect(stdout).toContain('\u001b[1m<stdin>:2\u001b[0m: forced (exit code 70)');
    expect(stdout).toContain('Raise terminationGracePeriodSeconds (30 now)');
  });

  it('as JSON has the accounts and the worst of them', async () => {
    const { code, stdout } = await prestop(['report', '-f', 'json', '-'], { stdin: LOG });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ worst: null, accounts: [{ source: '<stdin>:2', report: { pid: 1 } }] });
  });

  it('exits 3 when there is nothing to explain, or something that cannot be read', async () => {
    expect(await prestop(['report', '-'], { stdin: 'listening\n' })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('no report, pod or event'),
    });
    const cwd = folder({ 'orders.log': LOG });
    expect(await prestop(['report', 'missing.log', 'orders.log'], { cwd })).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('orders.log:2'),
      stderr: 'prestop: cannot read missing.log: no such file or directory\n',
    });
  });

  it('exits 2 when it is told nothing', async () => {
    expect((await prestop(['report'])).code).toBe(2);
    expect((await prestop(['report', '--format', 'xml', '-'])).code).toBe(2);
  });
});
