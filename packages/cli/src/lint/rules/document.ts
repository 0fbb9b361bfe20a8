import type { RuleInfo } from '../rule.ts';
import { SOURCES } from './sources.ts';

/** Rules about the text itself; the engine applies them. */
export const duplicateKey: RuleInfo = {
  code: 'PS061',
  name: 'duplicate-key',
  severity: 'warning',
  summary: 'A key stands once in a mapping.',
  why: 'Readers differ: some take the last one without a word, some refuse the object. Two `env` or `lifecycle` blocks in a container lose one of them.',
  source: SOURCES.duplicateKeys,
  fix: 'Merge the two into one.',
  fixable: false,
};

export const ignoreComment: RuleInfo = {
  code: 'PS062',
  name: 'ignore-comment',
  severity: 'warning',
  summary: 'A prestop-ignore names known rules, gives a reason, and is needed.',
  why: 'An exception that nobody can explain, or that hides nothing any more, hides the next mistake.',
  source: 'https://www.npmjs.com/package/prestop',
  fix: '# prestop-ignore PS038 the reason in a few words',
  fixable: false,
};

export const documentRules: readonly RuleInfo[] = [duplicateKey, ignoreComment];
