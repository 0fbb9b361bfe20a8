import { type Callers, type RolloutResult, rollOut } from '@prestop/testkit';
import { orderTraffic } from '@prestop-examples/order-service/testing';
import { orderPods } from './pods.ts';

/**
 * A rolling update of two pods under load, with prestop and without: real processes, a registry that callers read with a
 * lag, and the kubelet's order of events (preStop GET, SIGTERM, SIGKILL at the end of the grace period).
 *
 * `--json`: progress on stderr, and one JSON line on stdout at the end. Exit code 1 if prestop lost a request.
 */
const GRACE_SECONDS = 30;
const CALLERS = 40;
const LAG_MS = 2_000;

/** The figures of one rollout. */
interface Figures {
  readonly sent: number;
  readonly lost: number;
  /** Requests sent to a pod after its deletion. */
  readonly late: number;
  /** Longest time from a pod's deletion to its exit. */
  readonly exitMs: number;
}

const json = process.argv.includes('--json');
const screen = json ? process.stderr : process.stdout;

const figures = { with: await roll('with prestop'), without: await roll('without') };
if (json) console.log(JSON.stringify(figures));
else console.log(table(figures));
process.exitCode = figures.with.lost > 0 ? 1 : 0;

async function roll(title: 'with prestop' | 'without'): Promise<Figures> {
  const hook = title === 'with prestop';
  const script = hook ? 'server' : 'server-without-prestop';
  const pods = orderPods({ script, hook, gracePeriodSeconds: GRACE_SECONDS });
  screen.write(`\n${title}: two pods, ${CALLERS} callers that learn of a removal up to ${LAG_MS / 1000} s late\n`);
  try {
    const result = await rollOut({
      startPod: pods.startPod,
      gracePeriodSeconds: GRACE_SECONDS,
      warmUpAnswers: 800,
      callers: {
        discover: pods.discover,
        requests: orderTraffic,
        count: CALLERS,
        lagMs: LAG_MS,
        thinkMs: 40,
        progressEveryMs: 100,
        onProgress: ({ sent, lost }) => showProgress(sent, lost),
      },
      onStep,
    });
    clearProgress();
    return summarise(result);
  } finally {
    pods.remove();
  }
}

function summarise({ tally, rolled }: RolloutResult): Figures {
  return {
    sent: tally.sent,
    lost: tally.lostCount,
    late: rolled.reduce((sum, pod) => sum + pod.lateRequests, 0),
    exitMs: Math.round(Math.max(...rolled.map((pod) => pod.timeline.totalMs))),
  };
}

function onStep(step: string, callers: Callers): void {
  clearProgress();
  const { elapsedMs } = callers.counters();
  screen.write(`  ${(elapsedMs / 1000).toFixed(1).padStart(5)} s  ${step}\n`);
}

/** One line that is written over; where the output is no terminal, the steps have to do. */
function showProgress(sent: number, lost: number): void {
  if (screen.isTTY) screen.write(`\r\x1b[K         requests ${sent}, lost ${lost}`);
}

function clearProgress(): void {
  if (screen.isTTY) screen.write('\r\x1b[K');
}

function table(rows: { readonly with: Figures; readonly without: Figures }): string {
  const line = (cells: readonly (string | number)[]): string =>
    cells.map((cell, index) => (index === 0 ? String(cell).padEnd(14) : String(cell).padStart(12))).join('');
  const row = (title: string, { sent, lost, late, exitMs }: Figures): string =>
    line([title, sent, lost, late, `${(exitMs / 1000).toFixed(1)} s`]);
  return [
    '',
    line(['', 'requests', 'lost', 'late', 'to exit']),
    row('with prestop', rows.with),
    row('without', rows.without),
    '',
    'late: sent to a pod after its deletion. to exit: longest time from deletion to the end of the process.',
  ].join('\n');
}
