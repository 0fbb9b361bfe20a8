import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { selfSignedCertificate } from '@prestop/testkit';
import { type DrillSettings, drill, type HookSetting } from 'prestop/drill';
import { type Contestant, serverFile, titleWithDelay } from './contestants.ts';
import { inPool } from './pool.ts';
import { median } from './statistics.ts';

export const PROTOCOLS = ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'] as const;

export type Protocol = (typeof PROTOCOLS)[number];

export interface RolloutOptions {
  readonly contestants: readonly Contestant[];
  /** How late the last caller learns, in seconds. */
  readonly lagsSeconds: readonly number[];
  readonly protocols: readonly Protocol[];
  /** Runs of a cell in which the figure matters most, each with a seed of its own; see {@link runsOf}. */
  readonly repeats: number;
  /** Pauses of contestants that are left out. */
  readonly longestDelaySeconds: number;
  /** At the same time. */
  readonly atOnce: number;
  readonly onProgress: (line: string) => void;
}

/** One contestant with one pause, one protocol and one lag, over all its runs. */
export interface RolloutRow {
  readonly contestant: string;
  readonly title: string;
  readonly delaySeconds: number;
  readonly protocol: Protocol;
  readonly lagSeconds: number;
  readonly runs: number;
  readonly sent: number;
  /** Sent to the pod after its deletion. */
  readonly late: number;
  readonly lost: number;
  /** Median time from deletion to exit, in milliseconds. */
  readonly exitMs: number;
  readonly killed: number;
}

const GRACE_SECONDS = 30;

/** A rolling update for each contestant, pause, protocol and lag. */
export async function rollouts(options: RolloutOptions): Promise<RolloutRow[]> {
  const { contestants, lagsSeconds, protocols, longestDelaySeconds, atOnce } = options;
  const folder = mkdtempSync(join(tmpdir(), 'prestop-bench-'));
  const { cert, key } = selfSignedCertificate();
  const tls = { TLS_CERT: join(folder, 'cert.pem'), TLS_KEY: join(folder, 'key.pem'), ca: cert };
  writeFileSync(tls.TLS_CERT, cert);
  writeFileSync(tls.TLS_KEY, key, { mode: 0o600 });
  try {
    const cells = protocols.flatMap((protocol) =>
      lagsSeconds.flatMap((lagSeconds) =>
        contestants
          .filter(({ speaksHttp2 }) => protocol !== 'HTTP/2' || speaksHttp2)
          .flatMap((contestant) =>
            contestant.delaysSeconds
              .filter((delaySeconds) => delaySeconds <= longestDelaySeconds)
              .map((delaySeconds) => ({ contestant, delaySeconds, protocol, lagSeconds, tls })),
          ),
      ),
    );
    // The longest first, so that none is left alone at the end.
    const byLength = [...cells.entries()].sort(([, left], [, right]) => lengthOf(right) - lengthOf(left));
    const rows: RolloutRow[] = [];
    await inPool(
      byLength.map(([index, cell]) => async () => {
        rows[index] = await row(cell, options);
      }),
      atOnce,
    );
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Cell {
  readonly contestant: Contestant;
  readonly delaySeconds: number;
  readonly protocol: Protocol;
  readonly lagSeconds: number;
  readonly tls: { readonly TLS_CERT: string; readonly TLS_KEY: string; readonly ca: string };
}

const lengthOf = ({ delaySeconds, lagSeconds }: Cell): number => Math.max(delaySeconds, lagSeconds);

/**
 * All of prestop's, of which the claim is that nothing is lost, and those in which chance may decide: a pause that ends with
 * the lag, and no pause where only a handful of requests are late.
 */
function runsOf({ contestant, delaySeconds, lagSeconds }: Cell, repeats: number): number {
  const byChance = delaySeconds === lagSeconds || (delaySeconds === 0 && lagSeconds < 1);
  return contestant.waits === 'as-long-as-needed' || byChance ? repeats : 1;
}

async function row(cell: Cell, { repeats, onProgress }: RolloutOptions): Promise<RolloutRow> {
  const { contestant, delaySeconds, protocol, lagSeconds } = cell;
  const totals = { sent: 0, late: 0, lost: 0, killed: 0 };
  const exits: number[] = [];
  const runs = runsOf(cell, repeats);
  for (let seed = 1; seed <= runs; seed++) {
    const { cases } = await drill(settingsOf(cell, seed));
    for (const { tally, pods } of cases) {
      totals.sent += tally.sent;
      totals.lost += tally.lostCount;
      for (const { late, timeline } of pods) {
        totals.late += late.count;
        totals.killed += timeline.killed ? 1 : 0;
        exits.push(timeline.exitedAtMs ?? Number.POSITIVE_INFINITY);
      }
    }
  }
  const title = titleWithDelay(contestant, delaySeconds);
  const exitMs = median(exits);
  onProgress(
    `${protocol}, lag ${lagSeconds} s, ${title}: ${totals.lost} lost of ${totals.sent}, ${Math.round(exitMs)} ms`,
  );
  return { contestant: contestant.id, title, delaySeconds, protocol, lagSeconds, runs, ...totals, exitMs };
}

function settingsOf({ contestant, delaySeconds, protocol, lagSeconds, tls }: Cell, seed: number): DrillSettings {
  const { file, waits, registry = false } = contestant;
  const secure = protocol !== 'HTTP/1.1';
  const http2 = protocol === 'HTTP/2';
  const { ca, ...paths } = tls;
  return {
    service: {
      command: [process.execPath, serverFile(file)],
      cwd: dirname(serverFile(file)),
      env: {
        TERMINATION_GRACE_PERIOD_SECONDS: String(GRACE_SECONDS),
        DELAY_MS: String(waits === 'itself' ? delaySeconds * 1000 : 0),
        ...(secure ? paths : {}),
        ...(http2 ? { HTTP2: '1' } : {}),
      },
      ports: [{ settings: ['PORT'] }, { settings: ['ADMIN_PORT'] }],
      hook: hookOf(contestant, delaySeconds),
      readiness: waits === 'as-long-as-needed' ? { kind: 'auto' } : { kind: 'tcp' },
      readinessPeriod: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3 },
      startTimeoutMs: 60_000,
      graceSeconds: GRACE_SECONDS,
      ...(registry ? { registryDirSetting: 'REGISTRY_DIR' } : {}),
    },
    load: {
      requests: [
        { method: 'GET', path: '/orders/7', headers: {}, weight: 16, origin: 'asked' },
        { method: 'GET', path: '/orders/7/invoice', headers: {}, weight: 2, origin: 'asked' },
        { method: 'GET', path: '/orders', headers: {}, weight: 1, origin: 'asked' },
      ],
      headers: {},
      callers: 20,
      thinkMs: 150,
      clients: http2 ? ['http2'] : ['node', 'undici', 'new-connection'],
      timeoutMs: 30_000,
      ...(secure ? { tls: { ca } } : {}),
      lag: { shape: 'uniform', fromMs: 0, toMs: lagSeconds * 1000 },
      warmUpMs: 1_000,
    },
    cases: ['rolling'],
    faults: [],
    replicas: 1,
    seed,
  };
}

function hookOf({ waits }: Contestant, delaySeconds: number): HookSetting {
  if (waits === 'as-long-as-needed') return { kind: 'auto' };
  return waits === 'kubelet' && delaySeconds > 0 ? { kind: 'sleep', seconds: delaySeconds } : { kind: 'none' };
}
