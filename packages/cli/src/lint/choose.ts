import { closest } from '../closest.ts';
import { usageError } from '../errors.ts';
import type { RuleInfo } from './rule.ts';
import { RULES } from './rules/index.ts';

/** The rule of that code or name, in any case. */
export function ruleNamed(word: string): RuleInfo | undefined {
  const wanted = word.toLowerCase();
  return RULES.find(({ code, name }) => code.toLowerCase() === wanted || name === wanted);
}

/** Codes of the rules to apply: those asked for, or all, without the ignored ones. */
export function chooseRules(options: {
  readonly rules?: readonly string[];
  readonly ignore?: readonly string[];
}): ReadonlySet<string> {
  const asked = options.rules === undefined || options.rules.length === 0 ? RULES : options.rules.map(required);
  const ignored = new Set((options.ignore ?? []).map((word) => required(word).code));
  return new Set(asked.map(({ code }) => code).filter((code) => !ignored.has(code)));
}

function required(word: string): RuleInfo {
  const rule = ruleNamed(word);
  if (rule !== undefined) return rule;
  const near = closest(
    word,
    RULES.flatMap(({ code, name }) => [code, name]),
  );
  throw usageError(
    `no rule is called "${word}"`,
    near === undefined ? 'prestop help lint lists the rules' : `did you mean ${near}?`,
  );
}
