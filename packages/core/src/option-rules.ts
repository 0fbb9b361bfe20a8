import { LifecycleError } from './errors.ts';

/** What one option must be. Rules are values, so that an adapter checks its options with the words core uses. */
export interface OptionRule {
  /** Ends the sentence "option X must be …". */
  readonly rule: string;
  readonly holds: (value: unknown) => boolean;
  /** A secret is described in an error ("a string of 3 characters"), never shown. */
  readonly secret?: boolean;
}

/** For every option name: its rule. A value of `undefined` counts as not given. */
export type OptionRules<Options> = { readonly [Name in keyof Required<Options>]: OptionRule };

/** A whole number from `min` to `max` of `unit`. */
export function integer(unit: string, min: number, max: number): OptionRule {
  return {
    rule: `a whole number of ${unit} from ${min} to ${max}`,
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

/** A finite number from `min` to `max`. */
export function number(what: string, min: number, max: number): OptionRule {
  return {
    rule: `a number (${what}) from ${min} to ${max}`,
    holds: (value) => typeof value === 'number' && value >= min && value <= max,
  };
}

/** A TCP port; 0 lets the system choose one. */
export const port: OptionRule = {
  rule: 'a TCP port, a whole number from 0 to 65535',
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
};

/** A string that is not empty, and matches `pattern` where one is given. */
export function text(rule = 'a string that is not empty', pattern?: RegExp): OptionRule {
  return { rule, holds: (value) => typeof value === 'string' && value !== '' && (pattern?.test(value) ?? true) };
}

export const flag: OptionRule = { rule: 'true or false', holds: (value) => typeof value === 'boolean' };

export const callback: OptionRule = { rule: 'a function', holds: (value) => typeof value === 'function' };

export function oneOf(...names: readonly string[]): OptionRule {
  return {
    rule: `one of ${names.map((name) => `'${name}'`).join(', ')}`,
    holds: (value) => typeof value === 'string' && names.includes(value),
  };
}

/** A list in which every entry keeps `rule`. */
export function listOf(rule: OptionRule, atLeast = 0): OptionRule {
  return {
    rule: `a list${atLeast > 0 ? ` of at least ${atLeast}` : ''} in which each entry is ${rule.rule}`,
    holds: (value) => Array.isArray(value) && value.length >= atLeast && value.every((entry) => rule.holds(entry)),
  };
}

/** Either of two rules. */
export function either(left: OptionRule, right: OptionRule): OptionRule {
  return {
    rule: `${left.rule}, or ${right.rule}`,
    holds: (value) => left.holds(value) || right.holds(value),
    ...(left.secret === true || right.secret === true ? { secret: true } : {}),
  };
}

/** The same rule, for a value that must not be printed. */
export function secret(rule: OptionRule): OptionRule {
  return { ...rule, secret: true };
}

/** A value that must be exactly `value`, for the off position of an option (`admin: false`). */
export function exactly(value: unknown): OptionRule {
  return { rule: show(value), holds: (given) => given === value };
}

/** Any plain object; its own options are checked by a call of {@link checkOptions} with their own rules. */
export const optionsObject: OptionRule = { rule: 'an object of options', holds: isObject };

/**
 * Checks `given` against `rules`: every name must be known and every value keep its rule.
 * `owner` begins the message and `prefix` the option names (`'quiet.'`).
 *
 * @throws LifecycleError `ERR_PRESTOP_OPTION_UNKNOWN` or `ERR_PRESTOP_OPTION_INVALID`, for the first offender.
 */
export function checkOptions<Options>(owner: string, given: unknown, rules: OptionRules<Options>, prefix = ''): void {
  if (!isObject(given)) {
    const option = prefix === '' ? 'options' : prefix.slice(0, -1);
    // A token may have been given in the place of the options that carry it.
    throw invalidOption(owner, option, 'an object of options', describe(given));
  }
  const table = rules as Readonly<Record<string, OptionRule>>;
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(table, name) ? table[name] : undefined;
    if (rule === undefined) {
      throw unknownOption(owner, `${prefix}${name}`, Object.keys(table), prefix);
    }
    if (value !== undefined && !rule.holds(value)) {
      throw invalidOption(owner, `${prefix}${name}`, rule.rule, rule.secret ? describe(value) : value);
    }
  }
}

export function invalidOption(owner: string, option: string, rule: string, value: unknown): LifecycleError {
  const shown = value instanceof Described ? value.words : show(value);
  return new LifecycleError(
    'ERR_PRESTOP_OPTION_INVALID',
    `${owner}: option "${option}" must be ${rule}; it is ${shown}`,
    { option, rule, value: shown },
  );
}

/** Two options that are each well formed and cannot both hold. */
export function conflictingOptions(owner: string, option: string, rule: string, value: unknown): LifecycleError {
  const shown = show(value);
  return new LifecycleError('ERR_PRESTOP_OPTION_CONFLICT', `${owner}: option "${option}": ${rule}; it is ${shown}`, {
    option,
    rule,
    value: shown,
  });
}

function unknownOption(owner: string, option: string, known: readonly string[], prefix: string): LifecycleError {
  const names = known.map((name) => `${prefix}${name}`);
  const lower = option.toLowerCase();
  const near = names.find((name) => name.toLowerCase() === lower || distance(name.toLowerCase(), lower) <= 2);
  const hint = near === undefined ? `known options: ${names.join(', ')}` : `did you mean "${near}"?`;
  const rule = 'an option that exists';
  return new LifecycleError('ERR_PRESTOP_OPTION_UNKNOWN', `${owner}: there is no option "${option}"; ${hint}`, {
    option,
    rule,
    value: option,
  });
}

class Described {
  readonly words: string;
  constructor(words: string) {
    this.words = words;
  }
}

function describe(value: unknown): Described {
  return new Described(
    typeof value === 'string' ? `a string of ${value.length} characters` : `of type ${typeName(value)}`,
  );
}

const SHOWN_CHARACTERS = 80;

function show(value: unknown): string {
  if (typeof value === 'string') return `${JSON.stringify(value.slice(0, SHOWN_CHARACTERS))} (string)`;
  if (isPlain(value)) return String(value);
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string' || isPlain(entry))) {
    return JSON.stringify(value).slice(0, SHOWN_CHARACTERS);
  }
  return `of type ${typeName(value)}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'object') return typeof value;
  const prototype: { readonly constructor?: { readonly name?: unknown } } | null = Object.getPrototypeOf(value);
  const name = prototype?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `object (${name})` : 'object';
}

function isPlain(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null;
}

/**
 * An object literal or its like. Of anything else, a promise that was not awaited or a map, the options would not be
 * seen, and the defaults taken in silence.
 */
function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return (
    prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty'))
  );
}

/** Levenshtein distance, for "did you mean"; option names are short. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
