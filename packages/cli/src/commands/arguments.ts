import { type ParseArgsConfig, parseArgs } from 'node:util';
import { closest } from '../closest.ts';
import { usageError } from '../errors.ts';
import type { Command, OptionSpec } from './command.ts';

/** The parsed options of a command, by name, with typed access. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

  /** @throws CliError `ERR_PRESTOP_CLI_USAGE`, with the option that was perhaps meant. */
  constructor(command: Command, args: readonly string[]) {
    const { values, positionals, tokens } = parse(command, args);
    refuseSecondValues(command.options, tokens);
    this.positionals = positionals;
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** All values of an option that may stand several times, as they were written. */
  texts(name: string): string[] {
    const values = this.#values[name];
    return Array.isArray(values) ? values.map(String) : [];
  }

  /** All values of an option that may stand several times, split at commas. */
  list(name: string): string[] {
    return this.texts(name)
      .flatMap((value) => value.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '');
  }

  /** @throws CliError unless it is a number from `min` to `max`, whole where `whole` says so. */
  number(
    name: string,
    range: { readonly min: number; readonly max: number; readonly whole: boolean },
  ): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= range.min && value <= range.max && (!range.whole || Number.isInteger(value))) return value;
    throw usageError(
      `--${name} must be a ${range.whole ? 'whole ' : ''}number from ${range.min} to ${range.max}, not "${text}"`,
    );
  }

  /** @throws CliError unless it is one of `choices`. */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    const near = closest(text, choices);
    throw usageError(
      `--${name} must be one of ${choices.join(', ')}, not "${text}"`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }
}

type Parsed = ReturnType<typeof parseArgs<ParseArgsConfig & { readonly tokens: true }>>;

function parse(command: Command, args: readonly string[]): Parsed {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const option of command.options) {
    options[option.name] = {
      type: option.value === undefined ? 'boolean' : 'string',
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.multiple === true ? { multiple: true } : {}),
    };
  }
  try {
    return parseArgs({ args: withNegativeNumbers(args), options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    throw usageError(explain(command, error), hintFor(command.options, args) ?? `see prestop help ${command.name}`);
  }
}

/** Of two values one would be passed over in silence. A switch is on however often it is given. */
function refuseSecondValues(options: readonly OptionSpec[], tokens: Parsed['tokens']): void {
  const repeatable = new Set(options.filter(({ multiple }) => multiple === true).map(({ name }) => name));
  const known = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined || repeatable.has(token.name)) continue;
    const first = known.get(token.name);
    if (first !== undefined) throw usageError(`--${token.name} is given twice, as "${first}" and as "${token.value}"`);
    known.set(token.name, token.value);
  }
}

/** `--grace -1` is a value that cannot be, and no option `-1`: whoever takes a number says so. */
function withNegativeNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const option = joined.at(-1);
    if (/^-\d/.test(arg) && option !== undefined && /^--[^=]+$/.test(option)) joined.splice(-1, 1, `${option}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

function explain(command: Command, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const option = /'(-[^' ]*)/.exec(message)?.[1];
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && option !== undefined) {
    return `prestop ${command.name} has no option ${option}`;
  }
  // Node explains how to pass a value that begins with a dash; the first sentence says what is wrong.
  return message.split('. ', 1)[0] ?? message;
}

function hintFor(options: readonly OptionSpec[], args: readonly string[]): string | undefined {
  const names = options.map(({ name }) => name);
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || names.includes(name)) continue;
    const near = closest(name, names);
    if (near !== undefined) return `did you mean --${near}?`;
  }
  return undefined;
}
