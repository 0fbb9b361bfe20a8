import type { Cursor } from '../yaml/cursor.ts';
import { type HttpTarget, readHttp } from './hook.ts';

export type ProbeKind = 'readinessProbe' | 'livenessProbe' | 'startupProbe';

export interface Probe {
  readonly at: Cursor;
  readonly kind: ProbeKind;
  readonly http: HttpTarget | undefined;
  /** The port of an `httpGet` or `tcpSocket` probe. */
  readonly port: Cursor | undefined;
  /** Probe-level `terminationGracePeriodSeconds` (KEP-2238). */
  readonly grace: Cursor;
}

export function readProbe(at: Cursor, kind: ProbeKind): Probe[] {
  if (!at.exists) return [];
  const http = readHttp(at.get('httpGet'));
  const port = http?.port ?? at.at('tcpSocket', 'port');
  return [{ at, kind, http, port: port.exists ? port : undefined, grace: at.get('terminationGracePeriodSeconds') }];
}
