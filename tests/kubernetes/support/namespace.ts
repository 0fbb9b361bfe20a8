import { setTimeout as sleep } from 'node:timers/promises';
import { History } from './history.ts';
import { kubectl } from './kubectl.ts';
import type { KubeObject } from './objects.ts';
import { explainHistory } from './prestop-report.ts';

/** A namespace for one case, with its history. */
export interface Namespace {
  readonly name: string;
  readonly history: History;
  /** kubectl in this namespace. */
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
  /** Server-side, with unknown and duplicate fields refused. */
  readonly apply: (objects: readonly KubeObject[]) => Promise<void>;
}

let count = 0;

/** Runs one case in a namespace of its own, which is deleted afterwards; a failure shows what had happened in it. */
export async function inNamespace(work: (namespace: Namespace) => Promise<void>): Promise<void> {
  count += 1;
  const name = `case-${process.pid}-${count}`;
  await kubectl(['create', 'namespace', name]);
  // Pods are refused until the controllers have made it.
  while (!(await kubectl(['get', 'serviceaccounts', '-n', name, '-o', 'name'])).includes('default')) await sleep(50);
  const history = new History(name);
  const namespace: Namespace = {
    name,
    history,
    kubectl: (...args) => kubectl(['--namespace', name, ...args]),
    async apply(objects) {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await kubectl(['apply', '--namespace', name, '--server-side', '--validate=strict', '-f', '-'], list);
    },
  };
  try {
    await work(namespace);
  } catch (error) {
    const parts = [(error as Error).message, `prestop report:\n${explainHistory(history)}`, history.describe()];
    throw new Error(parts.join('\n\n'), { cause: error });
  } finally {
    history.end();
    // Its pods end in their own time, and leave their registry.
    await kubectl(['delete', 'namespace', name, '--wait=false']);
  }
}
