import type { PodTimeline } from '@prestop/testkit';
import { isRecord } from './requests/json.ts';
import type { ServicePhase } from './result.ts';

/**
 * The phases in the SDK's report, laid on the timeline: its own zero is the trigger, which is the hook or the signal.
 * Empty for a report of another shape.
 */
export function phasesIn(report: Readonly<Record<string, unknown>> | undefined, timeline: PodTimeline): ServicePhase[] {
  const listed = report?.['phases'];
  if (!Array.isArray(listed)) return [];
  const trigger = report?.['trigger'];
  const bySignal = isRecord(trigger) && trigger['kind'] === 'signal';
  const zero = (bySignal ? timeline.sigtermAtMs : timeline.hook?.startedAtMs) ?? 0;
  const phases: ServicePhase[] = [];
  for (const each of listed) {
    if (!isRecord(each) || typeof each['phase'] !== 'string' || typeof each['startedAtMs'] !== 'number') continue;
    const fromMs = zero + each['startedAtMs'];
    const ms = typeof each['ms'] === 'number' ? each['ms'] : 0;
    phases.push({ phase: each['phase'], fromMs, toMs: fromMs + ms });
  }
  return phases;
}
