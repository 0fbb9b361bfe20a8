import type { CloserReport, Phase, RegistryReport, TerminationReport } from '@prestop/core';
import { count, listed } from '../words.ts';
import { type Account, type Remark, when } from './account.ts';

/** The account of one termination, from the report that the SDK wrote about it. */
export function explainReport(report: TerminationReport, source: string): Account {
  return {
    source,
    headline: headlineOf(report),
    lines: report.phases.map(({ phase, startedAtMs, ms }) => {
      const took = ms === null ? 'still running' : seconds(ms);
      return [`${seconds(startedAtMs).padStart(8)}  ${phase.padEnd(13)}  ${took.padEnd(8)}`, detailOf(phase, report)]
        .join('  ')
        .trimEnd();
    }),
    remarks: [
      ...registryRemarks(report),
      ...callerRemarks(report),
      ...requestRemarks(report),
      ...heldRemarks(report),
      ...endRemarks(report),
      ...report.closers.flatMap(closerRemarks),
    ],
    report,
  };
}

function headlineOf({ outcome, exitCode, totalMs, trigger, joined }: TerminationReport): string {
  const began = [trigger, ...joined.map(({ atMs, ...one }) => ({ ...one, atMs }))].map((one) => {
    const name = one.kind === 'prestop' ? '/prestop' : (one.detail ?? one.kind);
    return 'atMs' in one ? `${name} after ${seconds(Number(one.atMs))}` : name;
  });
  const code = exitCode === null ? '' : ` (exit code ${exitCode})`;
  return `${outcome}${code} after ${seconds(totalMs)}; begun by ${began.join(', joined by ')}`;
}

function detailOf(phase: Phase, { registries, lameDuck, requests, closers }: TerminationReport): string {
  switch (phase) {
    case 'deregistering':
      return registries.length === 0 ? 'no registry' : registries.map(registryLine).join('; ');
    case 'lame-duck': {
      const late = requests.late.count;
      const last = late === 0 ? '' : `, the last ${seconds(requests.late.lastAfterMs)} after the removal`;
      return `${count(late, 'late request')}${last}${lameDuck.endedBy === null ? '' : `; ended by ${lameDuck.endedBy}`}`;
    }
    case 'draining':
      return `${requests.inFlightAtStart} in flight at the start, ${requests.answered} answered, ${requests.cutCount} cut`;
    case 'closing':
      return closers.map(({ name, outcome, ms }) => `${name} ${outcome} in ${seconds(ms)}`).join(', ');
    default:
      return '';
  }
}

function registryLine({ name, outcome, attempts, removedAtMs, confirmedAtMs, reads }: RegistryReport): string {
  const steps = [
    ...(removedAtMs === null ? [] : [`removed after ${seconds(removedAtMs)}`]),
    ...(confirmedAtMs === null ? [] : [`proven after ${seconds(confirmedAtMs)}`]),
    count(attempts, 'attempt'),
    `reads: ${reads.gone} gone, ${reads.visible} visible, ${reads.unknown} unknown`,
  ];
  return `${name} ${outcome}: ${steps.join(', ')}`;
}

function registryRemarks({ registries }: TerminationReport): Remark[] {
  return registries.flatMap(({ name, outcome, reappeared, error, closeError }) => {
    const why = error === null ? '' : `: ${error}`;
    return [
      ...when(
        outcome === 'failed',
        'error',
        `${name}: the instance could not be removed${why}`,
        'Consumers of this registry went on calling until they were refused. Mend what the error says; the service itself was not at fault.',
      ),
      ...when(
        outcome === 'unconfirmed',
        'warning',
        `${name}: removed as far as the registry said, not proven${why}`,
        'Give the adapter the right to read its own entry (Consul: node:read beside service:write; Nacos: the namespace in which it registers).',
      ),
      ...when(
        reappeared > 0,
        'warning',
        `${name}: the instance came back ${reappeared === 1 ? 'once' : `${reappeared} times`} after it had been removed`,
        'Somebody else registers or renews it: a sidecar, consul-k8s, a second client in the process. One owner only.',
      ),
      ...when(
        closeError !== null,
        'warning',
        `${name}: its client was not closed in the end: ${closeError}`,
        'The process ended all the same; mend the adapter.',
      ),
    ];
  });
}

function callerRemarks({ lameDuck, requests, phases }: TerminationReport): Remark[] {
  const { late } = requests;
  const who = listed(late.callers.slice(0, 3).map(({ remoteAddress, userAgent }) => userAgent || remoteAddress));
  const stayed = lameDuck.endedBy === 'budget';
  return [
    ...when(
      stayed,
      requests.cutCount > 0 ? 'error' : 'warning',
      `The callers had not stopped when the time for draining began${who === '' ? '' : `: ${who}`}`,
      'They were refused from then on. Raise terminationGracePeriodSeconds above what their view may be stale, or have them refresh it sooner.',
    ),
    ...when(
      !stayed &&
        late.count > 0 &&
        late.lastAfterMs > lameDuck.floorMs &&
        phases.some(({ phase }) => phase === 'lame-duck'),
      'info',
      `The last stale caller came ${seconds(late.lastAfterMs)} after the removal, later than the floor of ${seconds(lameDuck.floorMs)}`,
      `The quiet rule has waited for it; a floorMs of ${late.lastAfterMs} or more would not depend on that.`,
    ),
  ];
}

function heldRemarks({ held, budget }: TerminationReport): readonly Remark[] {
  const which = held.cut.slice(0, 5).map(({ name, ageMs }) => `${name} (${seconds(ageMs)} old)`);
  const more = held.cutCount > which.length ? ` and ${held.cutCount - which.length} more` : '';
  return when(
    held.cutCount > 0,
    'error',
    `Held work cut: ${which.join(', ')}${more}`,
    `It was not released within ${seconds(budget.deadlineMs)}. Stop it when lifecycle.drainSignal aborts, release it in a finally, or raise terminationGracePeriodSeconds.`,
  );
}

function requestRemarks({ requests, connections, budget }: TerminationReport): Remark[] {
  const { cut, cutCount } = requests;
  const which = cut
    .slice(0, 5)
    .map(({ method, path, ageMs, cause }) => `${method} ${path} (${cause}, ${seconds(ageMs)} old)`);
  const more = cutCount > which.length ? ` and ${cutCount - which.length} more` : '';
  const atDeadline = cut.some(({ cause }) => cause === 'deadline');
  return [
    ...when(
      cutCount > 0,
      'error',
      `${count(cutCount, 'request')} cut: ${which.join(', ')}${more}`,
      cut.some(({ cause }) => cause === 'second-signal')
        ? 'They were in flight when the second signal came.'
        : atDeadline
          ? `They outlived the deadline of ${seconds(budget.deadlineMs)}. Raise terminationGracePeriodSeconds (${budget.terminationGracePeriodSeconds} now), or end them when their drain signal aborts.`
          : 'They met the end of their connection: callers that send on it without having been told to stop. Let them retry what is safe to retry.',
    ),
    ...when(
      cutCount === 0 && connections.forced > 0,
      'info',
      `${count(connections.forced, 'connection')} ended by force, no request on them`,
    ),
  ];
}

const ENDS: Partial<Record<TerminationReport['outcome'], Remark>> = {
  running: {
    severity: 'warning',
    text: 'This is no final report: the termination was still running',
    advice: 'Look for a later one; without it the process was killed (exit code 137).',
  },
  drained: {
    severity: 'info',
    text: 'This is what /prestop answered, before the signal',
    advice: '',
  },
  'second-signal': {
    severity: 'error',
    text: 'A second signal ended the process before it was done',
    advice: 'Find who sends it: a process manager, a shell that forwards twice, an impatient operator.',
  },
  fault: {
    severity: 'error',
    text: 'An uncaught exception or rejection began the termination or joined it',
    advice: 'Mend the fault; its message stands in trigger or joined.',
  },
  stopped: {
    severity: 'info',
    text: 'stop() ended the termination in the middle; the process went on',
    advice: '',
  },
  resumed: {
    severity: 'warning',
    text: 'No signal followed /prestop, and the service registered again',
    advice:
      'A restart in place, or somebody else called /prestop: keep the admin port to the kubelet (NetworkPolicy, token).',
  },
};

function endRemarks({ outcome, budget, trigger, joined }: TerminationReport): Remark[] {
  const end = ENDS[outcome];
  const hookRan = [trigger, ...joined].some(({ kind }) => kind === 'prestop');
  return [
    ...(end === undefined ? [] : [end]),
    ...when(
      budget.fastPath,
      'warning',
      'SIGTERM came while /prestop still ran, and the rest was cut short',
      'The hook had used up the grace period: raise terminationGracePeriodSeconds, in the manifest and in the options.',
    ),
    ...when(
      trigger.kind === 'signal' && !hookRan,
      'info',
      'The hook did not run: the signal began it',
      'Without lifecycle.preStop the kubelet sends SIGTERM at once, before it has told anybody; prestop does the same then. Look for FailedPreStopHook if there is a hook.',
    ),
  ];
}

function closerRemarks({ name, outcome, ms, error }: CloserReport): readonly Remark[] {
  const why = error === null ? '' : `: ${error}`;
  return when(
    outcome !== 'done',
    'error',
    `closer "${name}" ${outcome} after ${seconds(ms)}${why}`,
    outcome === 'failed'
      ? 'Its resource may not have been flushed or closed.'
      : 'Shorten it, or give it more time: timeoutMs, or a longer grace period.',
  );
}

/** Milliseconds as people read them: `206 ms`, `2.3 s`. */
export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
