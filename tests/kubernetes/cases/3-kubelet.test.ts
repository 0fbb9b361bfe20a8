import { setTimeout as settle } from 'node:timers/promises';
import { freePort, type PreStopHook } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { record } from '../support/evidence.ts';
import { inNamespace } from '../support/namespace.ts';
import { isReady } from '../support/objects.ts';
import { explainPod } from '../support/prestop-report.ts';
import { PROBE_PORT, probePod, type Seen, seenInDrill, seenInPod } from '../support/probe-service.ts';

interface Row {
  readonly name: string;
  /** `terminationGracePeriodSeconds` of the manifest. */
  readonly grace: number;
  /** What the deletion asks for instead. */
  readonly asked?: number;
  readonly env: Readonly<Record<string, string>>;
  readonly hook?: { readonly manifest: object; readonly drill: (port: number) => PreStopHook };
  /** What the container is told. */
  readonly order: readonly string[];
  /** Seconds from the deletion to SIGTERM. */
  readonly sigtermAt: number;
  /** Seconds from the deletion to the end of the process. */
  readonly endedAt: number;
  /** Whether the kubelet reports the hook as failed. */
  readonly failedHook?: boolean;
}

const httpGet: NonNullable<Row['hook']> = {
  manifest: { httpGet: { path: '/prestop', port: 'admin' } },
  drill: (port) => ({ port, path: '/prestop' }),
};
const refused: NonNullable<Row['hook']> = {
  manifest: { httpGet: { path: '/prestop', port: PROBE_PORT + 1 } },
  drill: () => ({ port: 1, path: '/prestop' }),
};
const failing: NonNullable<Row['hook']> = {
  manifest: { exec: { command: ['sh', '-c', 'exit 1'] } },
  drill: () => ({ command: ['sh', '-c', 'exit 1'] }),
};
const sleep = (seconds: number): NonNullable<Row['hook']> => ({
  manifest: { sleep: { seconds } },
  drill: () => ({ sleepSeconds: seconds }),
});
const STUBBORN = { STUBBORN: 'yes' };
const whole = ['hook', 'answered', 'SIGTERM'];

const rows: readonly Row[] = [
  { name: 'no hook', grace: 10, env: {}, order: ['SIGTERM'], sigtermAt: 0, endedAt: 0 },
  { name: 'no hook, SIGTERM ignored', grace: 3, env: STUBBORN, order: ['SIGTERM'], sigtermAt: 0, endedAt: 3 },
  { name: 'hook of 2 s', grace: 10, env: { HOOK_MS: '2000' }, hook: httpGet, order: whole, sigtermAt: 2, endedAt: 2 },
  {
    name: 'hook of 2 s, SIGTERM ignored: the hook is part of the grace period',
    grace: 6,
    env: { HOOK_MS: '2000', ...STUBBORN },
    hook: httpGet,
    order: whole,
    sigtermAt: 2,
    endedAt: 6,
  },
  {
    name: 'hook that answers 503: the status does not matter',
    grace: 10,
    env: { HOOK_MS: '1000', STATUS: '503' },
    hook: httpGet,
    order: whole,
    sigtermAt: 1,
    endedAt: 1,
  },
  {
    name: 'hook longer than the grace period: not cancelled, SIGTERM at its end',
    grace: 4,
    env: { HOOK_MS: '60000' },
    hook: httpGet,
    order: ['hook', 'SIGTERM'],
    sigtermAt: 4,
    endedAt: 4,
    failedHook: true,
  },
  {
    name: 'hook longer than the grace period, SIGTERM ignored: 2 s more',
    grace: 4,
    env: { HOOK_MS: '60000', ...STUBBORN },
    hook: httpGet,
    order: ['hook', 'SIGTERM'],
    sigtermAt: 4,
    endedAt: 6,
    failedHook: true,
  },
  {
    name: 'hook refused: SIGTERM at once',
    grace: 10,
    env: {},
    hook: refused,
    order: ['SIGTERM'],
    sigtermAt: 0,
    endedAt: 0,
    failedHook: true,
  },
  {
    name: 'exec hook that fails: SIGTERM at once',
    grace: 10,
    env: {},
    hook: failing,
    order: ['SIGTERM'],
    sigtermAt: 0,
    endedAt: 0,
    failedHook: true,
  },
  { name: 'sleep of 2 s', grace: 10, env: {}, hook: sleep(2), order: ['SIGTERM'], sigtermAt: 2, endedAt: 2 },
  {
    name: 'delete --grace-period=2: it counts, not the manifest',
    grace: 30,
    asked: 2,
    env: { HOOK_MS: '60000', ...STUBBORN },
    hook: httpGet,
    order: ['hook', 'SIGTERM'],
    sigtermAt: 2,
    endedAt: 4,
    failedHook: true,
  },
  {
    name: 'delete --force --grace-period=0: 1 s for the hook, 2 s for SIGTERM',
    grace: 30,
    asked: 0,
    env: { HOOK_MS: '60000', ...STUBBORN },
    hook: httpGet,
    order: ['hook', 'SIGTERM'],
    sigtermAt: 1,
    endedAt: 3,
  },
];

/**
 * A kubelet that has just synchronised a pod first waits for its next look at the containers, once a second
 * (`podCache.GetNewerThan`), and gets to a deletion so much later.
 */
const AT_REST_MS = 2_500;

/**
 * How long the kubelet may take to see that the container which it asked has gone: when the last packet of a connection is
 * lost with the pod's network, Go's keep-alive finds out (nine probes, 15 s apart).
 */
const EVENT_MS = 180_000;

/** Of times, in seconds: the machine has two processors, and much runs on them. Rows differ by a second or more. */
const TOLERANCE = 0.9;

describe.concurrent.each(rows)('$name', (row) => {
  const { grace, asked, env, hook } = row;

  it('the real kubelet', () =>
    inNamespace(async ({ apply, kubectl, history }) => {
      const pod = 'pod';
      await apply([probePod(pod, env, grace, hook?.manifest)]);
      await history.until('the start', () => history.said(pod).some(({ text }) => text.startsWith('listening')));
      await history.until('readiness', () => history.present().some(isReady));
      await settle(AT_REST_MS);
      const force = asked === 0 ? ['--force'] : [];
      const period = asked === undefined ? [] : [`--grace-period=${asked}`];
      await kubectl('delete', 'pod', pod, '--wait=false', ...force, ...period);
      await history.until('the end of the pod', () => history.present().length === 0);
      await history.until('silence', () => performance.now() - (history.said(pod).at(-1)?.atMs ?? 0) > 1_500);
      const failed = (): boolean => history.reasons(pod).includes('FailedPreStopHook');
      // Of a pod that was deleted by force nothing is told any more. Of others an event may come when all is over.
      if (row.failedHook === true && asked !== 0) await history.until('the event of the failed hook', failed, EVENT_MS);
      const saw = seenInPod(history, pod);
      const { complaints } = explainPod(history, pod);
      note(row, saw, history.warnings(pod), complaints);
      expectRow(saw, row);
      if (asked !== 0) expect(failed()).toBe(row.failedHook ?? false);
      const explained = complaints.includes('error: The preStop hook failed, and SIGTERM followed');
      expect(explained).toBe(failed());
    }));

  it("the drill's kubelet", async () => {
    const port = await freePort();
    const preStop = hook?.drill(port);
    const gracePeriodSeconds = asked ?? grace;
    const options = { gracePeriodSeconds, ...(preStop === undefined ? {} : { preStop }) };
    expectRow(await seenInDrill(env, port, options), row);
  });
});

function expectRow({ order, sigtermAt, endedAt }: Seen, row: Row): void {
  expect(order).toEqual(row.order);
  expect(Math.abs((sigtermAt ?? Number.NaN) - row.sigtermAt), `SIGTERM at ${sigtermAt} s`).toBeLessThan(TOLERANCE);
  expect(Math.abs(endedAt - row.endedAt), `ended at ${endedAt} s`).toBeLessThan(TOLERANCE);
}

function note(
  { name, sigtermAt, endedAt }: Row,
  saw: Seen,
  warnings: readonly string[],
  complaints: readonly string[],
) {
  record({
    chapter: 'The order and the arithmetic of the kubelet',
    case: name,
    figures: {
      'told the container': saw.order.join(', '),
      'SIGTERM after (s)': `${saw.sigtermAt?.toFixed(1) ?? '–'} (${sigtermAt})`,
      'ended after (s)': `${saw.endedAt.toFixed(1)} (${endedAt})`,
      warnings: warnings.join(', ') || '–',
      'prestop report complains of': complaints.join(', ') || '–',
    },
  });
}
