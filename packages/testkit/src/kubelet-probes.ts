import { connect } from 'node:net';
import { causeOf, checkOption } from './errors.ts';
import { httpGet } from './http-get.ts';
import { PROBE_HEADERS, withHeaders } from './kubelet-headers.ts';
import type { Container } from './process.ts';
import { nowMs } from './timing.ts';

/** `httpGet` of a probe in a manifest, or `tcpSocket` when there is no path. */
export interface ProbeTarget {
  readonly port: number;
  /** Default: none, the probe succeeds when it gets a connection. */
  readonly path?: string;
  /** `HTTPS` verifies no certificate. Default `HTTP`. */
  readonly scheme?: 'HTTP' | 'HTTPS';
  /** Default `127.0.0.1`. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ProbesOptions {
  readonly liveness?: ProbeTarget;
  readonly readiness?: ProbeTarget;
  /** Seconds between two probes; a fraction is allowed, so that a test need not wait. Default 10, as in Kubernetes. */
  readonly periodSeconds?: number;
  /** Default 1, as in Kubernetes. */
  readonly timeoutSeconds?: number;
  /** Failures in a row until the state changes. Default 3, as in Kubernetes; one success changes it back. */
  readonly failureThreshold?: number;
  /** Told of every probe. */
  readonly onResult?: (result: ProbeResult) => void;
}

export interface ProbeResult {
  readonly probe: ProbeKind;
  /** Milliseconds of the monotonic clock at which it was sent. */
  readonly atMs: number;
  /** A status from 200 to 399, or a connection where only that was asked for, within the timeout. */
  readonly ok: boolean;
  readonly status?: number;
  /** Code of the failure where there was no answer. */
  readonly error?: string;
}

export type ProbeKind = 'liveness' | 'readiness';

/** What one probe has seen. */
export interface ProbeState {
  readonly sent: number;
  readonly failed: number;
  /** As the kubelet sees it: readiness begins `false`, liveness `true`. */
  readonly passing: boolean;
  readonly last: ProbeResult | undefined;
}

export interface Probes {
  readonly liveness: ProbeState;
  readonly readiness: ProbeState;
  /** The pod is being deleted: from now on only readiness is probed, as the kubelet does. */
  stopLiveness(): void;
  /** Ends all probes; one under way is given up. */
  stop(): void;
}

/**
 * Probes as the kubelet does (`kube-probe/1.34`, a new connection each time, `Connection: close`, status 200 to 399 is
 * success), one at a time, until stopped or until the process has ended. It only looks: a failed liveness probe restarts nothing.
 */
export function startProbes(container: Container, options: ProbesOptions): Probes {
  const { periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3 } = options;
  checkOption(periodSeconds > 0, 'startProbes', 'periodSeconds', 'more than 0', periodSeconds);
  checkOption(timeoutSeconds > 0, 'startProbes', 'timeoutSeconds', 'more than 0', timeoutSeconds);
  const shared = { periodMs: periodSeconds * 1000, timeoutMs: timeoutSeconds * 1000, failureThreshold };
  const liveness = new Probe('liveness', true, options.liveness, shared, options.onResult);
  const readiness = new Probe('readiness', false, options.readiness, shared, options.onResult);
  const stop = () => {
    liveness.stop();
    readiness.stop();
  };
  void container.exited.then(stop);
  return { liveness, readiness, stopLiveness: () => liveness.stop(), stop };
}

interface ProbeSettings {
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

class Probe implements ProbeState {
  sent = 0;
  failed = 0;
  passing: boolean;
  last: ProbeResult | undefined;
  readonly #kind: ProbeKind;
  readonly #settings: ProbeSettings;
  readonly #onResult: ((result: ProbeResult) => void) | undefined;
  readonly #stopping = new AbortController();
  #failuresInARow = 0;
  #underWay = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    kind: ProbeKind,
    passing: boolean,
    target: ProbeTarget | undefined,
    settings: ProbeSettings,
    onResult: ((result: ProbeResult) => void) | undefined,
  ) {
    this.#kind = kind;
    this.passing = passing;
    this.#settings = settings;
    this.#onResult = onResult;
    if (target === undefined) return;
    this.#timer = setInterval(() => void this.#probe(target), settings.periodMs);
    void this.#probe(target);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopping.abort();
  }

  async #probe(target: ProbeTarget): Promise<void> {
    if (this.#underWay) return;
    const atMs = nowMs();
    this.#underWay = true;
    this.sent += 1;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#settings.timeoutMs)]);
    try {
      const status = await ask(target, signal);
      this.#record({ probe: this.#kind, atMs, ...(status === undefined ? { ok: true } : judged(status)) });
    } catch (failure) {
      if (this.#stopping.signal.aborted) return;
      const error = signal.aborted ? 'ETIMEDOUT' : causeOf(failure);
      this.#record({ probe: this.#kind, atMs, ok: false, error });
    } finally {
      this.#underWay = false;
    }
  }

  #record(result: ProbeResult): void {
    this.last = result;
    if (result.ok) {
      this.#failuresInARow = 0;
      this.passing = true;
    } else {
      this.failed += 1;
      this.#failuresInARow += 1;
      if (this.#failuresInARow >= this.#settings.failureThreshold) this.passing = false;
    }
    this.#onResult?.(result);
  }
}

function judged(status: number): Pick<ProbeResult, 'ok' | 'status'> {
  return { ok: status >= 200 && status < 400, status };
}

/** @returns the status; `undefined` for a probe that only connects. */
async function ask({ port, host = '127.0.0.1', path, scheme, headers }: ProbeTarget, signal: AbortSignal) {
  if (path === undefined) return connectOnly(host, port, signal);
  const secure = scheme === 'HTTPS';
  const target = { secure, host, port, path, headers: withHeaders(PROBE_HEADERS, headers) };
  return (await httpGet(target, { signal })).status;
}

function connectOnly(host: string, port: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', reject);
  });
}
