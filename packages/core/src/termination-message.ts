import { existsSync, writeFileSync } from 'node:fs';
import { type TerminationReport, terminationMessage } from './report.ts';

/** Leaves the report's message where the kubelet looks for it. Without a container there is no such file, and none is made. */
export function writeTerminationMessage(path: string, report: TerminationReport): void {
  try {
    if (existsSync(path)) writeFileSync(path, terminationMessage(report));
  } catch {
    // Best effort: the report has been logged.
  }
}
