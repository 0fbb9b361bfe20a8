import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './manifests.ts';

/** Where the cases leave what they have seen; the results page is made of it. */
export const RESULTS: string = join(REPOSITORY, '.cache/kubernetes-results');

/** What one case has seen. */
export interface Evidence {
  /** The heading under which it stands. */
  readonly chapter: string;
  readonly case: string;
  /** Figures, by what they are called in the table's head. */
  readonly figures: Readonly<Record<string, string | number>>;
  /** What happened, one line each. */
  readonly timeline?: readonly string[];
}

export function record(evidence: Evidence): void {
  mkdirSync(RESULTS, { recursive: true });
  const name = `${evidence.chapter}-${evidence.case}`.replaceAll(/[^\w-]+/g, '-').toLowerCase();
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
}
