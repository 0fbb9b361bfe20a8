import { hostAndPort } from '../instance-rules.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** One instance of one service, as consumers find it. */
export interface FileInstance {
  /** Name of the service. */
  readonly name: string;
  /** Unique in the directory. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `host:port`, with brackets around an IPv6 address. */
  readonly target: string;
  /** The labels that the instance was registered with, and `service`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What a file holds: the instance, and who wrote it. */
export interface Entry {
  readonly instance: FileInstance;
  readonly writer: ProcessIdentity;
}

/**
 * Ours begin with `__meta_`: Prometheus offers such labels to relabelling and drops them afterwards.
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
 */
const META = '__meta_prestop_';

/**
 * One target group of Prometheus' file_sd format, which is a list of them.
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
 */
export function encodeEntry({ instance, writer }: Entry): string {
  const meta: Record<string, string | number> = {
    name: instance.name,
    id: instance.id,
    host: instance.host,
    port: instance.port,
    node: writer.node,
    pid: writer.pid,
    pid_namespace: writer.namespace,
    started: writer.started,
  };
  const ours = Object.entries(meta).map(([key, value]) => [`${META}${key}`, String(value)]);
  const labels = { ...instance.labels, ...Object.fromEntries(ours) };
  return `${JSON.stringify([{ targets: [instance.target], labels }], null, 2)}\n`;
}

/** @returns `undefined` for what we have not written: a file_sd file made by hand, or no JSON at all. */
export function decodeEntry(text: string): Entry | undefined {
  const all = labelsOf(text);
  if (all === undefined) return undefined;
  const meta = (key: string): string => all[`${META}${key}`] ?? '';
  const [name, id, host] = [meta('name'), meta('id'), meta('host')];
  const [port, pid] = [Number(meta('port')), Number(meta('pid'))];
  if (name === '' || id === '' || host === '' || !isPositive(port) || !isPositive(pid)) return undefined;
  const labels = Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith(META)));
  return {
    instance: { name, id, host, port, target: hostAndPort(host, port), labels },
    writer: { node: meta('node'), pid, namespace: meta('pid_namespace'), started: meta('started') },
  };
}

function labelsOf(text: string): Record<string, string> | undefined {
  let groups: unknown;
  try {
    groups = JSON.parse(text);
  } catch {
    return undefined;
  }
  const group: unknown = Array.isArray(groups) && groups.length === 1 ? groups[0] : undefined;
  const labels: unknown = isRecord(group) ? group['labels'] : undefined;
  if (!isRecord(labels)) return undefined;
  return Object.values(labels).every((value) => typeof value === 'string')
    ? (labels as Record<string, string>)
    : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
