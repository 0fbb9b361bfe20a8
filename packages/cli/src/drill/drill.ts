import { caseNamed } from './cases/case.ts';
import { worstOf } from './checks.ts';
import { DrillError, HOOK_HINT } from './errors.ts';
import type { DrillListener } from './events.ts';
import { Interrupt } from './interrupt.ts';
import type { CaseResult, ServiceResult, SkippedCase } from './result.ts';
import { runCase } from './run-case.ts';
import type { DrillSettings } from './settings.ts';

export interface DrillOptions {
  /** Told what happens. */
  readonly onEvent?: DrillListener;
  /** Ends the drill, the pods and the callers. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the cases of a drill one after another, each with pods of its own: starts the service, calls it, stops it in the
 * kubelet's order and arithmetic while callers learn of it late, and says what was lost and why.
 *
 * It does not say how likely a loss is in production: the callers are many, near and fast, so that a race that is rare
 * there is frequent here. The usual mistake is a route that is too quick to be in flight when the process ends: name a
 * slow one as well.
 *
 * @throws DrillError for a service that cannot be started or ends before it is deleted, a request that never works, a
 * case or fault that was named and cannot be played, an interruption.
 */
export async function drill(settings: DrillSettings, options: DrillOptions = {}): Promise<ServiceResult> {
  const { onEvent = () => undefined, signal = new AbortController().signal } = options;
  const interrupt = new Interrupt(signal);
  const cases: CaseResult[] = [];
  const skipped: SkippedCase[] = [];
  const leftOut = new Set<string>();
  let hook = 'none';
  for (const name of settings.cases) {
    const run = await runCase(caseNamed(name), settings, onEvent, interrupt);
    if ('skipped' in run) {
      skipped.push({ case: name, why: run.skipped });
      continue;
    }
    cases.push(run.result);
    for (const request of run.leftOut) leftOut.add(request);
    if (name !== 'signal-only') hook = run.hook;
  }
  if (cases.length === 0) {
    const why = skipped.map(({ case: name, why: reason }) => `${name}: ${reason}`).join('; ');
    throw new DrillError('ERR_PRESTOP_DRILL_HOOK', `nothing to run: ${why}`, { hint: HOOK_HINT });
  }
  return {
    title: settings.service.command.join(' '),
    verdict: worstOf(cases.map(({ verdict }) => verdict)),
    hook,
    leftOut: [...leftOut],
    skipped,
    cases,
  };
}
