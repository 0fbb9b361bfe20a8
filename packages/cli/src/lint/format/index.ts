import type { LintResult } from '../finding.ts';
import { formatGithub } from './github.ts';
import { formatHuman } from './human.ts';
import { formatJson } from './json.ts';
import { formatSarif } from './sarif.ts';

export const FORMATS = ['human', 'json', 'sarif', 'github'] as const;

export type Format = (typeof FORMATS)[number];

/** The text of a result. Ends with a line break. `colours` is for `human` only. */
export function formatResult(result: LintResult, format: Format, options: { readonly colours?: boolean } = {}): string {
  switch (format) {
    case 'human':
      return formatHuman(result, options);
    case 'json':
      return formatJson(result);
    case 'sarif':
      return formatSarif(result);
    case 'github':
      return formatGithub(result);
  }
}
