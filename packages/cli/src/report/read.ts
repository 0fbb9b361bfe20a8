import type { TerminationReport } from '@prestop/core';
import type { Account } from './account.ts';
import { explainKubernetes, type KubernetesObject } from './explain-kubernetes.ts';
import { explainReport } from './explain-report.ts';

/**
 * Everything in a text that tells of a termination: the SDK's reports, in a log (one JSON object a line, with whatever the
 * collector put before it) or alone; pods and events as `kubectl get … -o json` prints them. Of several reports of one
 * termination the last counts. The rest of the text is passed over.
 */
export function readAccounts(name: string, text: string): Account[] {
  const whole = parsed(text);
  if (whole !== undefined) {
    const report = reportIn(whole);
    return report === undefined ? explainKubernetes(whole as KubernetesObject) : [explainReport(report, name)];
  }
  const found = new Map<string, Account>();
  for (const [index, line] of text.split('\n').entries()) {
    const report = reportIn(parsed(line.slice(line.indexOf('{'))));
    if (report === undefined) continue;
    const termination = `${report.pid} ${report.startedAt}`;
    found.delete(termination);
    found.set(termination, explainReport(report, `${name}:${index + 1}`));
  }
  return [...found.values()];
}

function parsed(text: string): object | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

/** A report itself, or a log line that carries one. */
function reportIn(value: object | undefined): TerminationReport | undefined {
  if (value === undefined) return undefined;
  if (isReport(value)) return value;
  const carried = (value as { readonly report?: unknown }).report;
  return typeof carried === 'object' && carried !== null && isReport(carried) ? carried : undefined;
}

/** Version 1 keeps its fields (`docs/report.md`), so that a few tell all of them. */
function isReport(value: object): value is TerminationReport {
  const { version, outcome, phases, registries, closers, requests } = value as Partial<TerminationReport>;
  return (
    version === 1 &&
    typeof outcome === 'string' &&
    Array.isArray(phases) &&
    Array.isArray(registries) &&
    Array.isArray(closers) &&
    Array.isArray(requests?.cut)
  );
}
