import { readAccounts } from '../../../packages/cli/src/index.ts';
import { formatAccounts } from '../../../packages/cli/src/report/format.ts';
import type { History } from './history.ts';

/** What `prestop report` makes of something. */
export interface Explanation {
  /** As it prints them. */
  readonly words: string;
  /** Its errors and warnings, `severity: text`, each once; none for a termination that went as it should. */
  readonly complaints: readonly string[];
}

/** @param texts what a user would hand to it: logs, and pods and events as `kubectl get -o json` prints them. */
export function explain(texts: Readonly<Record<string, string>>): Explanation {
  const accounts = Object.entries(texts).flatMap(([name, text]) => readAccounts(name, text));
  const remarks = accounts.flatMap((account) => account.remarks).filter(({ severity }) => severity !== 'info');
  return {
    words: formatAccounts(accounts, 'human', false),
    complaints: [...new Set(remarks.map(({ severity, text }) => `${severity}: ${text}`))],
  };
}

/** What it makes of all that a pod has left: its log, itself as it was seen last, its events. */
export function explainPod(history: History, pod: string): Explanation {
  const last = history.pods.findLast(({ object }) => object.metadata.name === pod);
  const events = history.events.filter(({ object }) => object.involvedObject.name === pod);
  return explain({
    [`${pod}.log`]: linesOf(history, pod),
    pods: listOf(last === undefined ? [] : [last.object]),
    events: listOf(events.map(({ object }) => object)),
  });
}

/** What it makes of a whole namespace. */
export function explainHistory(history: History): string {
  const pods = [...new Set(history.pods.map(({ object }) => object.metadata.name))];
  return pods.map((pod) => explainPod(history, pod).words).join('\n');
}

function linesOf(history: History, pod: string): string {
  const lines = history.said(pod).map(({ text }) => text);
  return lines.join('\n');
}

function listOf(items: readonly object[]): string {
  return JSON.stringify({ kind: 'List', items });
}
