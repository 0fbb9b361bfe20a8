import { constants } from 'node:os';
import { closest } from '../closest.ts';
import { usageError } from '../errors.ts';
import { parseDuration } from './duration.ts';
import { tokenHeaders } from './hook-token.ts';
import type { HookSetting, HttpTarget, PortSlot, ReadinessSetting } from './settings.ts';

/** What the values of options mean. Each names the option, the rule and the value when it throws a CliError. */

export function oneOf<Name extends string>(option: string, word: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  const near = closest(word, names);
  throw usageError(
    `--${option} must be one of ${names.join(', ')}, not "${word}"`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

/** In milliseconds, `atLeastMs` or more. */
export function durationOf(option: string, text: string, atLeastMs: number): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usageError(`--${option} must be a duration (500ms, 2s, 1.5m), not "${text}"`);
  if (ms < atLeastMs) throw usageError(`--${option} must be ${atLeastMs}ms or more, not "${text}"`);
  return ms;
}

/** `PORT`, `3000`, `PORT=3000`; a setting that the manifest gives a number keeps it. */
export function portSlot(word: string, manifest: readonly PortSlot[]): PortSlot {
  const match = /^(?:([A-Za-z_]\w*)(?:=|$))?(\d{1,5})?$/.exec(word);
  const [, setting, number] = match ?? [];
  if (setting === undefined && number === undefined) {
    throw usageError(`--port must be a setting, a number or SETTING=NUMBER, not "${word}"`);
  }
  // A number that is in the manifest keeps the settings that carry it.
  const same = manifest.find(({ declared }) => setting === undefined && String(declared) === number);
  if (same !== undefined) return same;
  const declared =
    number === undefined ? manifest.find(({ settings }) => settings.includes(setting ?? ''))?.declared : Number(number);
  if (declared !== undefined && (declared < 1 || declared > 65_535)) {
    throw usageError(`--port must have a number from 1 to 65535, not "${word}"`);
  }
  return { settings: setting === undefined ? [] : [setting], ...(declared === undefined ? {} : { declared }) };
}

/**
 * Those given take the place of the first ones of the manifest, whose hook and probes ask by place. The usual ones are
 * added, or without a manifest what is left of them.
 */
export function portSlots(
  given: readonly PortSlot[],
  manifest: readonly PortSlot[],
  usual: readonly PortSlot[],
): readonly PortSlot[] {
  const rest = manifest.slice(given.length);
  const twice = rest.find((slot) => isAmong(given, slot));
  if (twice !== undefined) {
    const name = twice.declared ?? twice.settings[0];
    throw usageError(`--port ${name} is another port of the manifest`, 'the port that callers call comes first');
  }
  const known = [...given, ...rest];
  return [...known, ...usual.slice(known.length === 0 ? 0 : 1).filter((slot) => !isAmong(known, slot))];
}

function isAmong(slots: readonly PortSlot[], { settings, declared }: PortSlot): boolean {
  return slots.some(
    (slot) =>
      (declared !== undefined && slot.declared === declared) || settings.some((name) => slot.settings.includes(name)),
  );
}

/** What a hook may be played with. */
export interface HookContext {
  readonly ports: readonly PortSlot[];
  readonly graceSeconds: number;
  /** The service's settings: its token is sent with the hook. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `/path` on the SDK's admin server or else where callers call, `https:ADMIN_PORT:/path`, `sleep:5s`, `none` */
export function hookOf(option: string, text: string, { ports, graceSeconds, env }: HookContext): HookSetting {
  if (text === 'none') return { kind: 'none' };
  if (text.startsWith('sleep:')) {
    const seconds = durationOf(option, text.slice('sleep:'.length), 0) / 1000;
    if (seconds <= graceSeconds) return { kind: 'sleep', seconds };
    throw usageError(
      `--${option} must not sleep longer than the grace period of ${graceSeconds} s, not "${text}"`,
      'Kubernetes refuses such a pod; --grace gives it more time',
    );
  }
  const { slot, ...target } = httpTarget(option, text, ports, `${TARGET_FORMS}, sleep:5s or none`);
  const asked = { ...target, ...tokenHeaders(env) };
  return slot === undefined ? { kind: 'path', ...asked } : { kind: 'http', slot, ...asked };
}

/** `/path` on the first port, which callers call, `https:ADMIN_PORT:/path`, `tcp` */
export function readinessOf(text: string, ports: readonly PortSlot[]): ReadinessSetting {
  if (text === 'tcp') return { kind: 'tcp' };
  return { kind: 'http', slot: 0, ...httpTarget('ready', text, ports, `${TARGET_FORMS} or tcp`) };
}

const TARGET_FORMS = '/path, PORT:/path, https:PORT:/path';

function httpTarget(
  option: string,
  text: string,
  ports: readonly PortSlot[],
  forms: string,
): Partial<Pick<HttpTarget, 'slot' | 'scheme'>> & Pick<HttpTarget, 'path'> {
  // What begins as an address does is none: there is no host in it, and its port would be a part of the path.
  const match = /^(?!https:\/\/)(https:)?(?:(\w+):)?(\/\S*)$/.exec(text);
  if (match === null) throw usageError(`--${option} must be ${forms}, not "${text}"`);
  const [, https, port, path = '/'] = match;
  const scheme = https === undefined ? {} : { scheme: 'HTTPS' as const };
  // The SDK's admin server speaks no TLS.
  if (port === undefined) return https === undefined ? { path } : { slot: 0, path, ...scheme };
  const slot = ports.findIndex(({ settings, declared }) => settings.includes(port) || String(declared) === port);
  if (slot === -1) throw usageError(`--${option}: there is no port "${port}"`, `--port ${port} makes it one`);
  return { slot, path, ...scheme };
}

export function isSignal(text: string): text is NodeJS.Signals {
  return Object.hasOwn(constants.signals, text);
}

/** `SIGQUIT`, `QUIT` */
export function signalOf(text: string): NodeJS.Signals {
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  if (isSignal(name)) return name;
  throw usageError(`--stop-signal must be a signal of this machine, not "${text}"`, 'SIGTERM, SIGQUIT, SIGINT');
}

/** `NAME=VALUE` */
export function settingOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`--env must be NAME=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** `Name: value`, the name in lower case. */
export function headerOf(text: string): readonly [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text);
  if (match === null) throw usageError(`--header must be 'Name: value', not "${text}"`);
  return [(match[1] ?? '').toLowerCase(), match[2] ?? ''];
}
