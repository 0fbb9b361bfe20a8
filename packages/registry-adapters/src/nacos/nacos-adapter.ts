import {
  isRegistryError,
  type RegistryAdapter,
  type RegistryCallOptions,
  type RegistryError,
  type Sighting,
} from '@prestop/core';
import { aborted, unlessAborted } from '../abort.ts';
import { Serial } from '../serial.ts';
import type { BeatAnswer, Listed, NacosApi } from './api.ts';
import { Apis } from './apis.ts';
import { Failures } from './failures.ts';
import { Fence } from './fence.ts';
import { Heartbeat } from './heartbeat.ts';
import { Http } from './http.ts';
import { checkNacosOptions, type NacosOptions, type NacosSettings } from './options.ts';
import { redactor } from './redact.ts';
import { Servers } from './servers.ts';
import { Session } from './session.ts';
import { type ServerView, toSighting } from './sighting.ts';
import { groupedName } from './v1.ts';

/** Nacos' own interval, where neither options, metadata nor server say another. */
const INTERVAL_MS = 5_000;
/** Longest pause after a heartbeat that failed: many more tries before the server calls the instance unhealthy. */
const RETRY_MS = 1_000;
/** Longest look at the list before a removal, in milliseconds; the removal is what matters. */
const LOOK_MS = 1_000;

/**
 * A registration in Nacos 1.4 to 3.x, over HTTP.
 *
 * - Heartbeats are the adapter's own and only renew: one that arrives after the removal cannot bring the instance back.
 *   An instance that the server has lost (a restart) is registered again.
 * - `deregister` lets no heartbeat start any more, awaits the one on the wire and removes the instance. While one is on
 *   the wire a removal leaves at once all the same, and another one when the heartbeat has ended.
 * - `check` reads the list from every server.
 *
 * Nacos answers a removal with 200 whether or not the instance was there; only `check` proves it. It does not tell a
 * consumer with the npm client that the *last* instance of a service has gone: keep a second one.
 *
 * The usual mistakes: naming one server of a cluster of three, and the namespace's name where its id belongs.
 *
 * @throws LifecycleError for an option that does not hold.
 */
export function nacos(options: NacosOptions): RegistryAdapter {
  return new NacosAdapter(checkNacosOptions(options));
}

class NacosAdapter implements RegistryAdapter {
  readonly name: string;
  readonly settleMs: number;
  readonly #settings: NacosSettings;
  readonly #failures: Failures;
  readonly #http: Http;
  readonly #servers: Servers;
  readonly #apis: Apis;
  readonly #fence = new Fence();
  readonly #heartbeat: Heartbeat;
  readonly #serial = new Serial();
  /** Whether the servers have taken our registration, or shown the instance, in the place where `check` looks. */
  #everSeen = false;
  /** Whether the servers' last word was that they have the instance. */
  #isKnownThere = false;
  /** Whether the last heartbeat failed. */
  #isOutage = false;
  #isClosed = false;

  constructor(settings: NacosSettings) {
    const { registryName, settleMs, servers, credentials, instance, requestTimeoutMs } = settings;
    this.name = registryName;
    this.settleMs = settleMs;
    this.#settings = settings;
    const redact = redactor(() => [...secretsOf(settings), ...session.secrets]);
    this.#failures = new Failures(registryName, redact);
    this.#http = new Http(this.#failures, requestTimeoutMs);
    const session = new Session(this.#http, this.#failures, credentials, groupedName(instance));
    this.#servers = new Servers(servers, this.#failures);
    this.#apis = new Apis(settings, session, this.#failures);
    this.#heartbeat = new Heartbeat({
      beat: () => this.#beat(),
      retryMs: Math.min(RETRY_MS, this.#intervalMs()),
      onError: (error) => this.#heartbeatFailed(error),
    });
  }

  register({ signal }: RegistryCallOptions): Promise<void> {
    return this.#call('register', signal, async () => {
      this.#fence.open();
      await this.#announce(signal);
      if (this.#settings.instance.ephemeral) this.#heartbeat.start(this.#intervalMs());
    });
  }

  deregister({ signal }: RegistryCallOptions): Promise<'removed' | 'absent'> {
    this.#stopHeartbeats();
    return this.#call('deregister', signal, async () => {
      // A registration that was under way when this was asked for has started them again.
      this.#stopHeartbeats();
      const wasThere = this.#isKnownThere || (await this.#isListed(signal));
      this.#isKnownThere = false;
      if (this.#fence.isBusy) {
        await Promise.all([this.#remove(signal).catch(() => undefined), this.#fence.clear(signal)]);
      }
      await this.#remove(signal);
      return wasThere ? 'removed' : 'absent';
    });
  }

  async check({ signal }: RegistryCallOptions): Promise<Sighting> {
    this.#mustBeOpen('check');
    const views = await Promise.all(this.#servers.all.map((server) => this.#view(server, signal)));
    if (signal.aborted) throw aborted(this.name, 'check', signal);
    if (views.includes('listed')) this.#everSeen = true;
    return toSighting(views, this.#everSeen, this.#failures);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopHeartbeats();
    this.#fence.cut();
    await this.#http.close();
  }

  #stopHeartbeats(): void {
    this.#heartbeat.stop();
    this.#fence.shut();
  }

  async #announce(signal: AbortSignal): Promise<void> {
    await this.#firstServer('register', signal, (api, server) => api.register(server, signal));
    this.#isKnownThere = true;
    this.#everSeen = true;
  }

  async #remove(signal: AbortSignal): Promise<void> {
    await this.#servers.fastest('deregister', signal, (server, either) =>
      this.#apis.use(server, either, (api) => api.deregister(server, either)),
    );
  }

  /** Whether the service's list has us; `true` when no server can tell soon, since the removal is sent anyway. */
  async #isListed(signal: AbortSignal): Promise<boolean> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    try {
      return this.#isOurs(await this.#firstServer('list', soon, (api, server) => api.list(server, soon)));
    } catch (error) {
      if (isRegistryError(error) && !signal.aborted) return true;
      throw error;
    }
  }

  async #view(server: string, signal: AbortSignal): Promise<ServerView> {
    try {
      const listed = await this.#apis.use(server, signal, (api) => api.list(server, signal));
      return this.#isOurs(listed) ? 'listed' : 'not-listed';
    } catch (error) {
      if (isRegistryError(error)) return error;
      throw error;
    }
  }

  #isOurs(listed: readonly Listed[]): boolean {
    const { ip, port } = this.#settings.instance;
    return listed.some((entry) => entry.ip === ip && entry.port === port);
  }

  async #beat(): Promise<number | 'stop'> {
    const answer = await this.#fence.pass(async (cut) => {
      const beat = await this.#firstServer('heartbeat', cut, (api, server) => api.beat(server, cut));
      // The fence may have been shut since, and what is not there shall stay away.
      if (!beat.known && !this.#fence.isShut) await this.#announce(cut);
      return beat;
    });
    if (answer === 'shut') return 'stop';
    this.#isOutage = false;
    // Not after a removal that did not wait for this heartbeat.
    if (!this.#fence.isShut) this.#isKnownThere = true;
    return this.#intervalMs(answer);
  }

  #intervalMs(answer?: BeatAnswer): number {
    const { heartbeatMs, instance } = this.#settings;
    const preserved = Number(instance.metadata['preserved.heart.beat.interval']);
    return heartbeatMs ?? answer?.intervalMs ?? (preserved > 0 ? preserved : INTERVAL_MS);
  }

  #heartbeatFailed(thrown: unknown): void {
    const { onHeartbeatError } = this.#settings;
    const error = isRegistryError(thrown)
      ? thrown
      : this.#failures.error('unavailable', `heartbeat: ${String(thrown)}`, thrown);
    const isFirst = !this.#isOutage;
    this.#isOutage = true;
    this.#isKnownThere = false;
    try {
      if (onHeartbeatError !== undefined) onHeartbeatError(error);
      else if (isFirst) process.emitWarning(error.message, { type: 'PrestopWarning', code: 'PRESTOP_HEARTBEAT' });
    } catch (cause) {
      process.emitWarning(cause as Error);
    }
  }

  #firstServer<Result>(
    what: string,
    signal: AbortSignal,
    ask: (api: NacosApi, server: string) => Promise<Result>,
  ): Promise<Result> {
    return this.#servers.first(what, signal, (server) => this.#apis.use(server, signal, (api) => ask(api, server)));
  }

  /** Registering and deregistering, one after the other. */
  async #call<Result>(call: string, signal: AbortSignal, operation: () => Promise<Result>): Promise<Result> {
    const giveUp = (): RegistryError => aborted(this.name, call, signal);
    this.#mustBeOpen(call);
    if (signal.aborted) throw giveUp();
    return this.#serial.run((before) => unlessAborted(before, signal, giveUp), operation);
  }

  #mustBeOpen(call: string): void {
    if (this.#isClosed) throw this.#failures.error('invalid', `${call}: the adapter is closed`);
  }
}

function secretsOf({ credentials }: NacosSettings): readonly string[] {
  if (credentials.kind === 'login') return [credentials.password];
  if (credentials.kind === 'none') return [];
  const { accessKey, secretKey, securityToken } = credentials;
  return [accessKey, secretKey, ...(securityToken === undefined ? [] : [securityToken])];
}
