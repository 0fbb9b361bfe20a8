import type { Cursor } from '../yaml/cursor.ts';
import { type Hook, readHook } from './hook.ts';
import { type Probe, readProbe } from './probe.ts';

interface Port {
  readonly at: Cursor;
  readonly name: string | undefined;
  readonly number: number | undefined;
  readonly hostPort: number | undefined;
}

interface Setting {
  readonly at: Cursor;
  /** The literal value; undefined where it comes from a Secret, a ConfigMap or a field. */
  readonly value: Cursor | undefined;
}

/** `main` ends the pod's work, `sidecar` is an init container that restarts (KEP-753), `init` runs before. */
export type ContainerRole = 'main' | 'sidecar' | 'init';

export interface Container {
  readonly at: Cursor;
  readonly name: string;
  readonly role: ContainerRole;
  readonly image: string | undefined;
  readonly ports: readonly Port[];
  /** Environment settings by name; the last one of a name wins, as in the API. */
  readonly env: ReadonlyMap<string, Setting>;
  readonly preStop: Hook | undefined;
  readonly postStart: Hook | undefined;
  readonly probes: readonly Probe[];
  /** `command` followed by `args`; undefined where the image decides. */
  readonly argv: readonly string[] | undefined;
}

export function readContainer(at: Cursor, role: ContainerRole): Container {
  const lifecycle = at.get('lifecycle');
  const command = at.get('command').texts() ?? [];
  const args = at.get('args').texts() ?? [];
  return {
    at,
    name: at.get('name').text ?? '(no name)',
    role,
    image: at.get('image').text,
    ports: at.get('ports').items().map(readPort),
    env: readEnv(at.get('env')),
    preStop: readHook(lifecycle.get('preStop'), 'preStop'),
    postStart: readHook(lifecycle.get('postStart'), 'postStart'),
    probes: (['readinessProbe', 'livenessProbe', 'startupProbe'] as const).flatMap((kind) =>
      readProbe(at.get(kind), kind),
    ),
    argv: command.length + args.length === 0 ? undefined : [...command, ...args],
  };
}

function readPort(at: Cursor): Port {
  return {
    at,
    name: at.get('name').text,
    number: at.get('containerPort').integer,
    hostPort: at.get('hostPort').integer,
  };
}

function readEnv(list: Cursor): ReadonlyMap<string, Setting> {
  const env = new Map<string, Setting>();
  for (const at of list.items()) {
    const name = at.get('name').text;
    if (name === undefined) continue;
    const value = at.get('value');
    env.set(name, { at, value: value.exists ? value : undefined });
  }
  return env;
}

/** What `port` of a hook, probe or Service means in a container. */
export interface PortReference {
  readonly at: Cursor;
  /** As written: a number or a name. */
  readonly written: string;
  readonly name: string | undefined;
  /** The number it comes to; undefined for a name that the container does not have. */
  readonly number: number | undefined;
}

/** A number, a string of digits, or the name of a port of the same container (the kubelet's `ResolveContainerPort`). */
export function resolvePort(at: Cursor, container: Container): PortReference | undefined {
  const written = at.text;
  if (written === undefined) return undefined;
  if (/^\d+$/.test(written)) return { at, written, name: undefined, number: Number(written) };
  return { at, written, name: written, number: container.ports.find(({ name }) => name === written)?.number };
}
